"""A reader pod's life: made, awaited, used, and deleted, however the command that made it ends."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import urllib3.exceptions
from kubernetes import client

from luthier.api import keys
from luthier.api.naming import base_name
from luthier.cli.archives import Gone
from luthier.cli.errors import Exit, Refusal
from luthier.cli.interrupts import held_back
from luthier.cli.reader_pod import image_of, reader_pod
from luthier.cli.refusals import asking

Json = dict[str, Any]
Wanted = Callable[[], bool]
"""Tells whether anybody still waits for it."""

READER_SECONDS = 120.0
"""A reader has long come up by then, even where its image must be pulled."""
PAUSE_SECONDS = 0.5
REQUEST_SECONDS = (5, 20)


@contextlib.contextmanager
def a_reader(
    core: client.CoreV1Api, experiment: Json, driver: Json | None, secret: Json, is_wanted: Wanted
) -> Iterator[str]:
    """Make a reader pod, yield its name once it runs, and delete it.

    No signal ends the command while the pod is made or deleted; only a command that is killed leaves one behind, and
    its lifetime ends that.

    Args:
        core: of the cluster.
        experiment: as the API server has it.
        driver: its last driver's pod, if there is one.
        secret: the experiment's own.
        is_wanted: asked while it comes up.

    Raises:
        Refusal: it may not be made, or does not come up.
    """
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
    pod = reader_pod(experiment, name, image, like)
    try:
        with (
            held_back(),
            asking("make a pod that reads the experiment's storage", "create pods, or ask while the experiment runs"),
        ):
            core.create_namespaced_pod(metadata["namespace"], pod, _request_timeout=REQUEST_SECONDS)
        _wait_until_it_runs(core, metadata["namespace"], name, is_wanted)
        yield name
    finally:
        with held_back(), contextlib.suppress(client.ApiException, OSError, urllib3.exceptions.HTTPError):
            core.delete_namespaced_pod(
                name, metadata["namespace"], grace_period_seconds=0, _request_timeout=REQUEST_SECONDS
            )


def within_reason(look: Callable[[], bool], is_wanted: Wanted) -> bool:
    """Look again and again until it is so; tell whether it was in time.

    Raises:
        Gone: nobody waits for it any more.
    """
    end = time.monotonic() + READER_SECONDS
    while time.monotonic() < end:
        if not is_wanted():
            raise Gone("Nobody waits for the experiment's storage any more.")
        if look():
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def _wait_until_it_runs(core: client.CoreV1Api, namespace: str, name: str, is_wanted: Wanted) -> None:
    def look() -> bool:
        with asking("show the pod that reads the storage", "get pods"):
            status = _plain(core.read_namespaced_pod(name, namespace, _request_timeout=REQUEST_SECONDS))["status"]
        seen.append(_why_not(status))
        if status.get("phase") in ("Failed", "Succeeded"):
            raise Refusal(f"The pod that reads the storage ended: {seen[-1]}", code=Exit.FAILED)
        return bool(status.get("phase") == "Running")

    seen = [""]
    if not within_reason(look, is_wanted):
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


def _plain(obj: Any) -> Json:
    plain: Json = client.ApiClient().sanitize_for_serialization(obj)
    return plain
