"""As many workers of the current attempt as its trials need; no others, but none that a trial runs in is ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator import backoff
from luthier.operator.manifests.worker import worker_pod
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Create, DeletePod
from luthier.operator.rules.driver import Alive, Start, course
from luthier.operator.scaling import desired_workers, shrinks_at
from luthier.operator.verdict import Verdict


def keep_workers(seen: Observation, now: datetime) -> Verdict | None:
    """Create workers that are missing, replace those that ended, and let go of idle ones that nobody needs."""
    attempt = _served_attempt(seen, now)
    mine = [pod for pod in seen.workers if pod.attempt == attempt]
    resting = {pod.index: _rested_at(pod) for pod in mine if pod.state is PodState.ENDED and _rested_at(pod) > now}
    desired = desired_workers(seen, now) if attempt is not None else 0
    alive = [pod for pod in mine if pod.is_alive]
    surplus = _spared(seen, alive, len(alive) - desired)
    missing = _free(seen, mine)[: max(0, desired - len(alive) - len(resting))] if seen.may_create(now) else []
    gentle = [DeletePod(pod.name, pod.uid) for pod in (*_over(seen, attempt, resting), *surplus)]
    deletions = [*gentle, *(DeletePod(pod.name, pod.uid, grace_seconds=0) for pod in _lost(seen, mine))]
    creates = [Create(worker_pod(seen.identity, seen.spec, attempt or 0, i, seen.settings)) for i in missing]
    look_again = min((*resting.values(), *filter(None, [shrinks_at(seen, now)])), default=None)
    if not deletions and not creates and look_again is None:
        return None
    return Verdict(actions=(*deletions, *creates), look_again=look_again)


def _over(seen: Observation, attempt: int | None, resting: dict[int, datetime]) -> list[Pod]:
    """Return pods of other attempts, and those that ended and have rested: a pod's name is free when it is gone."""
    return [
        pod
        for pod in seen.workers
        if pod.state is not PodState.LEAVING
        and (pod.attempt != attempt or (pod.state is PodState.ENDED and pod.index not in resting))
    ]


def _lost(seen: Observation, mine: list[Pod]) -> list[Pod]:
    """Return pods that seem to run but that Ray has lost: frozen, or cut off. They hear no SIGTERM, so no grace helps.

    Should one wake up, Ray does not take it back, and what its trials write no later run reads.
    """
    lost = seen.contact.report.lost_workers if seen.contact.report else []
    return [pod for pod in mine if pod.uid in lost and pod.state is not PodState.ENDED and not pod.is_dismissed]


def _spared(seen: Observation, alive: list[Pod], surplus: int) -> list[Pod]:
    """Return as many as may go without a loss: pods that do not run yet, then those that hold no trial."""
    if surplus <= 0:
        return []
    report = seen.contact.report
    if report is None or report.wanted_workers is None:
        spared = [pod for pod in alive if pod.index >= seen.spec.worker_count]
    else:
        spared = [pod for pod in alive if pod.state is PodState.PENDING or pod.name in report.idle_workers]
    return sorted(spared, key=lambda pod: (pod.state is not PodState.PENDING, -pod.index))[:surplus]


def _free(seen: Observation, mine: list[Pod]) -> list[int]:
    """Return the indices whose names nobody has; a leaving pod keeps its own to the end."""
    taken = {pod.index for pod in mine}
    return [index for index in range(seen.spec.worker_count) if index not in taken]


def _served_attempt(seen: Observation, now: datetime) -> int | None:
    match course(seen, now):
        case Alive(pod):
            return pod.attempt
        case Start(attempt):
            return attempt
        case _:
            return None


def _rested_at(pod: Pod) -> datetime:
    """A worker that ends right after its start is replaced with a pause, so that a broken image makes no hot loop."""
    if pod.exit is None:
        return pod.created
    ran = pod.exit.time - (pod.started or pod.created)
    steady = ran >= timedelta(seconds=backoff.WORKER_STEADY_SECONDS)
    return pod.exit.time if steady else pod.exit.time + timedelta(seconds=backoff.WORKER_REST_SECONDS)
