"""The way to an experiment's archive in a cluster: its running driver, or a reader pod that is made for it."""

from __future__ import annotations

import base64
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import client

from luthier.api import keys
from luthier.api.naming import base_name
from luthier.cli.archives import Gone, Window
from luthier.cli.cluster import Experiments
from luthier.cli.errors import Exit, Refusal
from luthier.cli.reader_pod import image_of, reader_pod
from luthier.cli.refusals import asking
from luthier.cli.tunnel import Tunnel

Json = dict[str, Any]

READER_SECONDS = 120.0
"""A reader has long come up by then, even where its image must be pulled."""
PAUSE_SECONDS = 0.5
LEAVING_LOOKS = 20
"""For which a driver may seem to be there and not answer; then its storage is read without it."""
REQUEST_SECONDS = (5, 20)


@contextlib.contextmanager
def open_window(experiments: Experiments, name: str) -> Iterator[Window]:
    """Yield the pages of an experiment's driver, or of a reader that is gone afterwards.

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
    with _reader(core, experiment, drivers[0] if drivers else None, secret) as pod:
        window = _window(experiments, experiment, pod, _token(secret))
        _wait_until_it_answers(window)
        yield window


@contextlib.contextmanager
def open_driver(experiments: Experiments, name: str) -> Iterator[Window]:
    """Yield the pages of an experiment's running driver; no pod is made for it.

    Raises:
        Refusal: it has none, or there is no right to look.
    """
    experiment = experiments.read(name)
    alive = next((pod for pod in _drivers(experiments.core, experiment["metadata"]) if _listens(pod)), None)
    if alive is None:
        raise Refusal(f"{name} has no running driver.", hint=f"See why: luthier explain {name}")
    token = _token(_secret(experiments.core, experiment["metadata"]))
    yield _window(experiments, experiment, alive["metadata"]["name"], token)


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


@contextlib.contextmanager
def _reader(core: client.CoreV1Api, experiment: Json, driver: Json | None, secret: Json) -> Iterator[str]:
    """Make a reader pod, yield its name once it runs, and delete it."""
    metadata, spec = experiment["metadata"], experiment["spec"]
    annotations = secret["metadata"].get("annotations") or {}
    image = image_of(driver) or annotations.get(keys.ANNOTATION_IMAGE) or (spec.get("trial") or {}).get("image")
    if not image:
        raise Refusal(
            f"Nothing says which image can read the storage of {metadata['name']}.",
            hint="Resume it for a moment, or read the claim with a pod of your own.",
        )
    like = driver["spec"] if driver else ((spec.get("driver") or {}).get("template") or {}).get("spec") or {}
    name = f"{base_name(metadata['name'], metadata['uid'])}-reader-{secrets.token_hex(3)}"
    with asking("make a pod that reads the experiment's storage", "create pods, or ask while the experiment runs"):
        core.create_namespaced_pod(metadata["namespace"], reader_pod(experiment, name, image, like))
    try:
        _wait_until_it_runs(core, metadata["namespace"], name)
        yield name
    finally:
        with contextlib.suppress(client.ApiException, OSError):  # its lifetime ends it, too
            core.delete_namespaced_pod(name, metadata["namespace"], grace_period_seconds=0)


def _wait_until_it_runs(core: client.CoreV1Api, namespace: str, name: str) -> None:
    def look() -> bool:
        with asking("show the pod that reads the storage", "get pods"):
            status = _plain(core.read_namespaced_pod(name, namespace, _request_timeout=REQUEST_SECONDS))["status"]
        seen.append(_why_not(status))
        if status.get("phase") in ("Failed", "Succeeded"):
            raise Refusal(f"The pod that reads the storage ended: {seen[-1]}", code=Exit.FAILED)
        return bool(status.get("phase") == "Running")

    seen = [""]
    if not _within(READER_SECONDS, look):
        raise Refusal(
            f"The pod that reads the storage does not start: {seen[-1]}",
            hint="Is the claim free to be mounted, and the image there?",
            code=Exit.FAILED,
        )


def _why_not(status: Json) -> str:
    """Return why a pod does not run, in the words of who knows."""
    for each in status.get("containerStatuses") or []:
        for state in (each.get("state") or {}).values():
            if state and (state.get("reason") or state.get("message")):
                return ": ".join(filter(None, [state.get("reason"), state.get("message")]))
    unmet = [each for each in status.get("conditions") or [] if each["status"] != "True" and each.get("message")]
    return str(status.get("message") or (unmet[0]["message"] if unmet else status.get("phase", "nothing is known")))


def _wait_until_it_answers(window: Window) -> None:
    if not _within(READER_SECONDS, lambda: _answers(window)):
        raise Refusal("The pod that reads the storage runs, but does not answer.", code=Exit.FAILED)


def _answers(window: Window) -> bool:
    """Tell whether somebody listens there; a right that is lacking is no such answer, and is raised."""
    try:
        with window.get("/healthz"):
            return True
    except Gone:
        return False


def _within(seconds: float, look: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if look():
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def _plain(obj: Any) -> Json:
    """Return an object of the client library as the API server's own JSON."""
    plain: Json = client.ApiClient().sanitize_for_serialization(obj)
    return plain
