"""The way to an experiment's archive in a cluster: its running driver, or a reader pod that is made for it."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from kubernetes import client

from luthier.api import keys
from luthier.api.naming import base_name
from luthier.cli.archives import Gone, Leaving, Starting, Window
from luthier.cli.cluster import Experiments
from luthier.cli.errors import Exit, Refusal
from luthier.cli.reader_life import Wanted, a_reader, within_reason
from luthier.cli.refusals import asking
from luthier.cli.tunnel import Tunnel

Json = dict[str, Any]

PAUSE_SECONDS = 0.5
OVER = ("Succeeded", "Failed")
LEAVING_LOOKS = 20
"""For which a driver may seem to be there and not answer; then its storage is read without it."""
REQUEST_SECONDS = (5, 20)


@contextlib.contextmanager
def open_window(experiments: Experiments, name: str, is_wanted: Wanted = lambda: True) -> Iterator[Window]:
    """Yield the pages of an experiment's driver, or of a reader that is gone afterwards.

    Args:
        experiments: of the namespace.
        name: of the experiment.
        is_wanted: asked while a reader comes up, which may take minutes.

    Raises:
        Refusal: no such experiment, nothing was recorded yet, no right to look, or nothing comes up.
    """
    experiment = experiments.read(name)
    metadata = experiment["metadata"]
    if not (experiment.get("status") or {}).get("attempt"):
        raise Refusal(f"{name} has not begun, so there is nothing to read.", hint=f"See why: luthier explain {name}")
    core = experiments.core
    secret = _secret(core, metadata)
    for _ in range(LEAVING_LOOKS):
        drivers = _drivers(core, metadata)
        alive = next((pod for pod in drivers if _listens(pod)), None)
        if alive is None:
            break
        window = _window(experiments, experiment, alive["metadata"]["name"], _token(secret))
        if _answers(window):
            yield window
            return
        time.sleep(PAUSE_SECONDS)  # it has just ended, and its pod does not say so yet
    with a_reader(core, experiment, drivers[0] if drivers else None, secret, is_wanted) as pod:
        window = _window(experiments, experiment, pod, _token(secret))
        if not within_reason(lambda: _answers(window), is_wanted):
            raise Refusal("The pod that reads the storage runs, but does not answer.", code=Exit.FAILED)
        yield window


@contextlib.contextmanager
def open_driver(experiments: Experiments, name: str) -> Iterator[Window]:
    """Yield the pages of an experiment's running driver; no pod is made for it.

    Raises:
        Gone: it has none now.
        Refusal: there is no such experiment, or no right to look.
    """
    yield find_driver(experiments, name)


def find_driver(experiments: Experiments, name: str) -> Window:
    """Return the pages of an experiment's running driver.

    Raises:
        Gone: it has none now; Leaving where it may still write, Starting where it does not answer yet.
        Refusal: there is no such experiment, or no right to look.
    """
    experiment = experiments.read(name)
    drivers = _drivers(experiments.core, experiment["metadata"])
    alive = next((pod for pod in drivers if _listens(pod)), None)
    if alive is None and any("deletionTimestamp" in pod["metadata"] for pod in drivers):
        raise Leaving(f"The driver of {name} is on its way out.", hint="Ask again in a moment.")
    if alive is None and any(pod["status"].get("phase") not in OVER for pod in drivers):
        raise Starting(f"The driver of {name} is starting.", hint=f"See what it waits for: luthier explain {name}")
    if alive is None:
        raise Gone(f"{name} has no running driver.", hint=f"See why: luthier explain {name}")
    token = _token(_secret(experiments.core, experiment["metadata"]))
    return _window(experiments, experiment, alive["metadata"]["name"], token)


def _token(secret: Json) -> str:
    return base64.b64decode(secret["data"][keys.PROGRESS_TOKEN_KEY]).decode()


def _window(experiments: Experiments, experiment: Json, pod: str, token: str) -> Window:
    def connect() -> Tunnel:
        tunnel = Tunnel(experiments.client, experiments.namespace, pod, keys.PORT_PROGRESS)
        with asking(f"forward a port of pod {pod}", "create pods/portforward"):
            tunnel.connect()
        return tunnel

    return Window(experiment, connect, token)


def _secret(core: client.CoreV1Api, metadata: Json) -> Json:
    name = base_name(metadata["name"], metadata["uid"])
    with asking(f"show the experiment's token (Secret {name})", f"get the Secret {name}"):
        return _plain(core.read_namespaced_secret(name, metadata["namespace"], _request_timeout=REQUEST_SECONDS))


def _drivers(core: client.CoreV1Api, metadata: Json) -> list[Json]:
    """Return the experiment's driver pods, the newest attempt first."""
    selector = f"{keys.LABEL_UID}={metadata['uid']},{keys.LABEL_ROLE}={keys.ROLE_DRIVER}"
    with asking("list the experiment's pods", "list pods"):
        found = core.list_namespaced_pod(
            metadata["namespace"], label_selector=selector, _request_timeout=REQUEST_SECONDS
        )
    pods = [_plain(pod) for pod in found.items]
    return sorted(pods, key=lambda pod: int(pod["metadata"]["labels"].get(keys.LABEL_ATTEMPT, 0)), reverse=True)


def _listens(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or []
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def _plain(obj: Any) -> Json:
    """Return an object of the client library as the API server's own JSON."""
    plain: Json = client.ApiClient().sanitize_for_serialization(obj)
    return plain


def _answers(window: Window) -> bool:
    """Tell whether somebody listens there; a right that is lacking is no such answer, and is raised."""
    try:
        with window.get("/healthz"):
            return True
    except Gone:
        return False
