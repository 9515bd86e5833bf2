"""From a pod as the API server stores it to the few facts that rules look at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from luthier.api import keys
from luthier.operator.manifests.names import ANNOTATION_RESTARTS, LABEL_INDEX
from luthier.operator.observation import Disruption, Exit, Pod, PodState, Trouble

LAST_RESORT = datetime.fromtimestamp(0, UTC)

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
QUIET_REASONS = ("ContainerCreating", "PodInitializing", "")

MISSING = (
    (re.compile(r'secrets? "([^"]+)" not found'), "SecretNotFound"),
    (re.compile(r'configmaps? "([^"]+)" not found'), "ConfigMapNotFound"),
    (re.compile(r'persistentvolumeclaims? "([^"]+)" not found'), "ClaimNotFound"),
    (re.compile(r"unbound immediate PersistentVolumeClaims|waiting for.*volume to be created"), "ClaimPending"),
)
"""Causes that hide in messages of scheduler and kubelet."""


def read_pod(body: dict[str, Any]) -> Pod:
    """Return the facts of one child pod."""
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels") or {}
    container = _trial_container(status)
    terminated = (container.get("state") or {}).get("terminated")
    leaving = metadata.get("deletionTimestamp")
    return Pod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        role=labels.get(keys.LABEL_ROLE, ""),
        attempt=as_number(labels.get(keys.LABEL_ATTEMPT)),
        index=as_number(labels.get(LABEL_INDEX)),
        state=_state(status, leaving=bool(leaving), ended=bool(terminated)),
        created=as_time(metadata.get("creationTimestamp")) or LAST_RESORT,
        ready=_is_ready(status) and not leaving and not terminated,
        ip=status.get("podIP"),
        started=_started(container, status),
        exit=_exit(status, terminated),
        gone_by=as_time(leaving),
        creating=_is_creating(status, container),
        restarts=as_number((metadata.get("annotations") or {}).get(ANNOTATION_RESTARTS)),
        trouble=_trouble(metadata["name"], status),
        disruption=_disruption(status),
        is_cut_off=_is_cut_off(status, container),
    )


def trouble_from_events(pod: Pod, events: Iterable[dict[str, Any]]) -> Trouble | None:
    """Return why a pod hangs in creation, from the newest warning about it; it has its node, whatever it waited for."""
    warnings = [
        event
        for event in events
        if event.get("type") == "Warning" and event.get("message") and event.get("reason") != "FailedScheduling"
    ]
    if not warnings:
        return None
    newest = max(warnings, key=_event_time)
    fallback = "VolumeMount" if newest.get("reason") in ("FailedMount", "FailedAttachVolume") else "ContainerCreation"
    reason = _cause_in(newest["message"], fallback)
    return Trouble(reason, f"pod {pod.name} cannot start: {newest['message']}", pod.created)


def as_time(text: str | None) -> datetime | None:
    """Return the moment that a Kubernetes timestamp names."""
    return datetime.fromisoformat(text) if text else None


def as_number(text: Any) -> int:
    """Return a label's number, 0 where it holds none: anybody may write labels."""
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 10 else 0


def _event_time(event: dict[str, Any]) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _trial_container(status: dict[str, Any]) -> dict[str, Any]:
    containers = status.get("containerStatuses") or []
    return next((container for container in containers if container.get("name") == keys.CONTAINER), {})


def _state(status: dict[str, Any], *, leaving: bool, ended: bool) -> PodState:
    phase = status.get("phase")
    if leaving:
        return PodState.LEAVING
    if ended or phase in ("Succeeded", "Failed"):
        return PodState.ENDED
    if phase == "Unknown":
        return PodState.UNSEEN
    return PodState.RUNNING if phase == "Running" else PodState.PENDING


def _is_ready(status: dict[str, Any]) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or [])


def _disruption(status: dict[str, Any]) -> Disruption | None:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            return Disruption(condition.get("reason") or "DisruptionTarget", condition.get("message") or "")
    return None


def _is_cut_off(status: dict[str, Any], container: dict[str, Any]) -> bool:
    """Tell whether the cluster took back that a pod is ready, while its kubelet's last word is that it is."""
    if status.get("reason") == "NodeLost":
        return True
    taken_back = any(c.get("type") == "Ready" and c.get("status") == "False" for c in status.get("conditions") or [])
    return taken_back and bool(container.get("ready")) and "running" in (container.get("state") or {})


def _started(container: dict[str, Any], status: dict[str, Any]) -> datetime | None:
    state = container.get("state") or {}
    began = (state.get("running") or state.get("terminated") or {}).get("startedAt")
    return as_time(began) or as_time(status.get("startTime"))


def _exit(status: dict[str, Any], terminated: dict[str, Any] | None) -> Exit | None:
    if terminated:
        ended = as_time(terminated.get("finishedAt")) or LAST_RESORT
        return Exit(
            int(terminated.get("exitCode", -1)), terminated.get("reason", ""), terminated.get("message", ""), ended
        )
    if status.get("phase") in ("Succeeded", "Failed"):
        # Evicted, or lost with its node, before any container could say how it ended.
        ended = max(
            (as_time(c.get("lastTransitionTime")) or LAST_RESORT for c in status.get("conditions") or []),
            default=as_time(status.get("startTime")) or LAST_RESORT,
        )
        return Exit(-1, status.get("reason", "") or str(status["phase"]), status.get("message", ""), ended)
    return None


def _is_creating(status: dict[str, Any], container: dict[str, Any]) -> bool:
    waiting = (container.get("state") or {}).get("waiting") or {}
    scheduled = any(
        c.get("type") == "PodScheduled" and c.get("status") == "True" for c in status.get("conditions") or []
    )
    return status.get("phase") == "Pending" and scheduled and waiting.get("reason", "") in QUIET_REASONS


def _trouble(name: str, status: dict[str, Any]) -> Trouble | None:
    if status.get("phase") not in (None, "Pending"):
        return None
    return _scheduling_trouble(name, status) or _waiting_trouble(name, status)


def _scheduling_trouble(name: str, status: dict[str, Any]) -> Trouble | None:
    for condition in status.get("conditions") or []:
        if condition.get("type") != "PodScheduled" or condition.get("status") != "False":
            continue
        message = condition.get("message") or "the scheduler gives no reason"
        since = as_time(condition.get("lastTransitionTime")) or LAST_RESORT
        short = sorted(set(re.findall(r"Insufficient ([\w./-]+\w)", message)))
        what = f"not enough {', '.join(short)}: " if short else ""
        return Trouble(_cause_in(message, "Unschedulable"), f"pod {name} cannot be scheduled: {what}{message}", since)
    return None


def _waiting_trouble(name: str, status: dict[str, Any]) -> Trouble | None:
    since = as_time(status.get("startTime")) or LAST_RESORT
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in QUIET_REASONS:
            continue
        if reason in PULL_REASONS:
            image = container.get("image", "its image")
            return Trouble("ImagePull", f"pod {name} cannot pull {image}: {_pull_cause(message) or reason}", since)
        cause = _cause_in(message, "CreateContainerConfig" if "Config" in reason else "ContainerCreation")
        return Trouble(cause, f"pod {name} cannot start: {message or reason}", since)
    return None


def _pull_cause(message: str) -> str:
    """Drop what kubelet puts before the cause while it waits, so that the sentence does not change to and fro."""
    return re.sub(r'^Back-off pulling image "[^"]*":? ?', "", message).removeprefix("ErrImagePull: ")


def _cause_in(message: str, fallback: str) -> str:
    return next((reason for pattern, reason in MISSING if pattern.search(message)), fallback)
