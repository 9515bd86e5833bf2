"""As many workers of the current attempt as the budget's parallel trials need; no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from luthier.operator import backoff
from luthier.operator.manifests.worker import worker_pod
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Create, DeletePod
from luthier.operator.rules.driver import Alive, Start, course
from luthier.operator.verdict import Verdict


def keep_workers(seen: Observation, now: datetime) -> Verdict | None:
    """Create workers that are missing, replace those that ended, delete those that nobody needs."""
    attempt = _served_attempt(seen, now)
    wanted = range(seen.spec.worker_count if attempt is not None else 0)
    mine = {pod.index: pod for pod in seen.workers if pod.attempt == attempt and pod.index in wanted}
    resting = {index: _rested_at(pod) for index, pod in mine.items() if pod.state is PodState.ENDED}
    deletions = [DeletePod(pod.name, pod.uid) for pod in _unwanted(seen, mine, resting, now)]
    creations = [index for index in wanted if index not in mine] if seen.may_create(now) else []
    creates = [Create(worker_pod(seen.identity, seen.spec, attempt or 0, i, seen.settings)) for i in creations]
    look_again = min((due for due in resting.values() if due > now), default=None)
    if not deletions and not creates and look_again is None:
        return None
    return Verdict(actions=(*deletions, *creates), look_again=look_again)


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


def _unwanted(seen: Observation, mine: dict[int, Pod], resting: dict[int, datetime], now: datetime) -> Iterator[Pod]:
    for pod in seen.workers:
        is_mine = mine.get(pod.index) == pod
        is_resting = is_mine and resting.get(pod.index, now) > now
        is_good = is_mine and pod.state is not PodState.ENDED
        if pod.state is not PodState.LEAVING and not is_good and not is_resting:
            yield pod
