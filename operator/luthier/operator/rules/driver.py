"""One driver at a time: the first, and the next: after a loss with a growing rest, a suspension, a raised budget.

A higher attempt fences the storage against a lower one, so even a driver that nobody
can see may be replaced once it should long be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from luthier.api.failures import Cause
from luthier.operator import backoff
from luthier.operator.conditions import ConditionType, find, holds, running, stalled
from luthier.operator.facts import why_it_ends
from luthier.operator.manifests.driver import driver_pod
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Create, DeletePod
from luthier.operator.rules.reopening import BUDGET_RAISED
from luthier.operator.rules.suspension import RESUMING
from luthier.operator.verdict import Verdict

LOST = "DriverLost"
OWN_REASONS = ("StorageNotWritable", "StorageFull", "NewerLedger")
"""Words with which a driver begins its last ones when it knows what has to be mended."""


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
    if seen.is_reopened and (pod is None or pod.state is not PodState.LEAVING):
        return Start(seen.attempt + 1, seen.restarts, f"attempt {seen.attempt + 1} goes on from the end", BUDGET_RAISED)
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
            return Verdict((running(False, LOST, why), stalled(_crash_reason(seen), message)), stale, until)
        case Start() as start:
            return _start(seen, start, stale, now)


def _start(seen: Observation, start: Start, stale: tuple[DeletePod, ...], now: datetime) -> Verdict:
    ruling = running(False, start.reason, start.why)
    if not seen.may_create(now):
        return Verdict((ruling,), stale)
    is_over = seen.driver is not None and (seen.driver.exit is not None or seen.is_reopened)
    ended = (DeletePod(seen.driver.name, seen.driver.uid),) if seen.driver and is_over else ()
    if seen.experiment is None:
        raise LookupError("no driver is started for a spec that cannot be used")
    previous_end = _end(seen, start) if start.reason == LOST else None
    pod = driver_pod(seen.identity, seen.experiment, start.attempt, start.restarts, seen.settings, previous_end)
    return Verdict((ruling,), (*stale, *ended, Create(pod)))


def _end(seen: Observation, start: Start) -> str:
    """Return how the driver before this one ended, for the ledger: nobody else outlives it to tell."""
    why = why_it_ends(seen.driver) if seen.driver is not None else None
    remembered = seen.driver_end[1] if seen.driver_end is not None and seen.driver_end[0] == seen.attempt else None
    return f"{why[0] if why else remembered or Cause.WORKER_LOST}: {start.why}"


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


def _crash_reason(seen: Observation) -> str:
    said = seen.driver.exit.message if seen.driver is not None and seen.driver.exit is not None else ""
    return next((reason for reason in OWN_REASONS if said.startswith(f"{reason}:")), "DriverCrashLoop")


def _is_resuming(seen: Observation) -> bool:
    before = find(seen.previous, ConditionType.RUNNING)
    return holds(seen.previous, ConditionType.SUSPENDED) or (before is not None and before.reason == RESUMING)


def _replace(seen: Observation, lost_at: datetime, why: str, rest: float, now: datetime) -> Start | Rest:
    due = lost_at + timedelta(seconds=rest)
    if now < due:
        return Rest(due, why)
    return Start(seen.attempt + 1, seen.restarts + 1, why, LOST)
