"""Pods that do not come up: unschedulable, image not there, a volume or Secret missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator.conditions import Ruling, stalled
from luthier.operator.observation import Observation, Pod, PodState, Presence
from luthier.operator.verdict import Verdict

PATIENCE_SECONDS = 5
"""A fresh pod is often unschedulable for a moment."""
EVENTS_SECONDS = 15
"""A pod whose container has not started after this long has its events read."""
CLAIM_SECONDS = 20
"""A pod without other trouble waits this long for an unbound claim before that is named."""


def name_stuck_pods(seen: Observation, now: datetime) -> Verdict | None:
    """Name the driver's trouble, or the workers' where none of them runs."""
    waiting = [pod for pod in _pods_that_matter(seen) if pod.state is PodState.PENDING]
    troubled = [pod for pod in waiting if pod.trouble is not None]
    for pod in troubled:
        if pod.trouble is not None and now >= _due(pod):
            return Verdict(rulings=(stalled(pod.trouble.reason, pod.trouble.message),))
    claim_due = _claim_due(seen, waiting)
    if claim_due is not None and now >= claim_due:
        return Verdict(rulings=(_claim_pending(seen),))
    moments = (*map(_due, troubled), *map(events_due, waiting), *([claim_due] if claim_due else []))
    look_again = min((moment for moment in moments if moment > now), default=None)
    return Verdict(look_again=look_again) if look_again is not None else None


def events_due(pod: Pod) -> datetime:
    """Return when a pod that hangs in creation is worth a look at its events."""
    return pod.created + timedelta(seconds=EVENTS_SECONDS)


def _pods_that_matter(seen: Observation) -> tuple[Pod, ...]:
    driver = (seen.driver,) if seen.driver is not None else ()
    if seen.ready_workers:
        return driver
    workers = [pod for pod in seen.workers if pod.attempt == seen.attempt]
    return (*driver, *sorted(workers, key=lambda pod: pod.index))


def _due(pod: Pod) -> datetime:
    since = pod.created if pod.trouble is None else max(pod.created, pod.trouble.since)
    return since + timedelta(seconds=PATIENCE_SECONDS)


def _claim_due(seen: Observation, waiting: list[Pod]) -> datetime | None:
    if not waiting or seen.things.claim is not Presence.PRESENT or seen.things.claim_phase != "Pending":
        return None
    return min(pod.created for pod in waiting) + timedelta(seconds=CLAIM_SECONDS)


def _claim_pending(seen: Observation) -> Ruling:
    name = seen.spec.storage.claim_name or seen.identity.base
    return stalled(
        "ClaimPending", f"PersistentVolumeClaim {name} is not bound to a volume; see its events for the cause"
    )
