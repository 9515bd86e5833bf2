"""One driver at a time: the first, the next after a loss with a growing rest, the next after a suspension.

A higher attempt fences the storage against a lower one, so even a driver that nobody
can see may be replaced once it should long be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from luthier.operator import backoff
from luthier.operator.conditions import ConditionType, find, holds, running, stalled
from luthier.operator.manifests.driver import driver_pod
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Create, DeletePod
from luthier.operator.rules.suspension import RESUMING
from luthier.operator.verdict import Verdict

LOST = "DriverLost"


@dataclass(frozen=True)
class Start:
    """A driver is to be created now."""

    attempt: int
    restarts: int
    why: str
    reason: str = "DriverCreated"


@dataclass(frozen=True)
class Rest:
    """A lost driver is replaced later."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Alive:
    """The driver is there."""

    pod: Pod


@dataclass(frozen=True)
class Leaving:
    """The driver is on its way out."""

    pod: Pod


Course = Start | Rest | Alive | Leaving


def course(seen: Observation, now: datetime) -> Course:
    """Return what is to happen with the driver."""
    pod = seen.driver
    if pod is None:
        return _without_pod(seen, now)
    if pod.state is PodState.LEAVING:
        why = f"driver of attempt {pod.attempt} did not end in time; its node may be lost"
        return Start(seen.attempt + 1, seen.restarts + 1, why, LOST) if pod.is_beyond_reach(now) else Leaving(pod)
    if pod.state is PodState.ENDED:
        return _after_exit(seen, pod, now)
    return Alive(pod)


def keep_one_driver(seen: Observation, now: datetime) -> Verdict | None:
    """Create the driver that should run, and clear away older ones."""
    stale = tuple(DeletePod(pod.name, pod.uid) for pod in seen.stale_drivers if pod.state is not PodState.LEAVING)
    match course(seen, now):
        case Alive():
            return Verdict(actions=stale) if stale else None
        case Leaving(pod):
            reason = RESUMING if _is_resuming(seen) else "DriverStopping"
            why = f"driver of attempt {pod.attempt} is stopping"
            return Verdict((running(False, reason, why),), stale, pod.beyond_reach_at)
        case Rest(until, why):
            message = f"{why}; attempt {seen.attempt + 1} starts at {until:%H:%M:%S} UTC"
            return Verdict((running(False, LOST, why), stalled("DriverCrashLoop", message)), stale, until)
        case Start() as start:
            return _start(seen, start, stale, now)


def _start(seen: Observation, start: Start, stale: tuple[DeletePod, ...], now: datetime) -> Verdict:
    ruling = running(False, start.reason, start.why)
    if not seen.may_create(now):
        return Verdict((ruling,), stale)
    ended = (DeletePod(seen.driver.name, seen.driver.uid),) if seen.driver and seen.driver.exit else ()
    if seen.experiment is None:
        raise LookupError("no driver is started for a spec that cannot be used")
    pod = driver_pod(seen.identity, seen.experiment, start.attempt, start.restarts, seen.settings)
    return Verdict((ruling,), (*stale, *ended, Create(pod)))


def _without_pod(seen: Observation, now: datetime) -> Start | Rest:
    if seen.attempt == 0:
        return Start(1, 0, "driver of attempt 1 is being created")
    if _is_resuming(seen):
        why = f"attempt {seen.attempt + 1} goes on after the suspension"
        return Start(seen.attempt + 1, seen.restarts, why, RESUMING)
    before = find(seen.previous, ConditionType.RUNNING)
    lost_at = before.last_transition_time if before is not None and before.reason == LOST else now
    why = f"driver of attempt {seen.attempt} is gone"
    return _replace(seen, lost_at, why, backoff.driver_seconds(seen.restarts), now)


def _after_exit(seen: Observation, pod: Pod, now: datetime) -> Start | Rest:
    ended = pod.exit
    if ended is None:
        return _replace(seen, now, f"driver of attempt {pod.attempt} ended", backoff.driver_seconds(seen.restarts), now)
    code = f"exit code {ended.code}" if ended.code >= 0 else "no exit code"
    cause = f" ({ended.reason})" if ended.reason else ""
    ran = ended.time - (pod.started or pod.created)
    was_steady = ran >= timedelta(seconds=backoff.DRIVER_STEADY_SECONDS)
    rest = 0 if was_steady else backoff.driver_seconds(seen.restarts)
    said = _last_words(ended.message)
    return _replace(seen, ended.time, f"driver of attempt {pod.attempt} ended with {code}{cause}{said}", rest, now)


def _last_words(message: str) -> str:
    """Return what a driver that crashed left as its termination message, to go behind the exit code."""
    words = message.strip().splitlines()
    return f": {words[0][:300]}" if words and not words[0].startswith("{") else ""


def _is_resuming(seen: Observation) -> bool:
    before = find(seen.previous, ConditionType.RUNNING)
    return holds(seen.previous, ConditionType.SUSPENDED) or (before is not None and before.reason == RESUMING)


def _replace(seen: Observation, lost_at: datetime, why: str, rest: float, now: datetime) -> Start | Rest:
    due = lost_at + timedelta(seconds=rest)
    if now < due:
        return Rest(due, why)
    return Start(seen.attempt + 1, seen.restarts + 1, why, LOST)
