"""The end: once the driver has told how the search ended, that stands until the user asks for more.

The outcome is written to status before the driver is told that it may exit, so no
death between the two can lose it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.api import keys
from luthier.api.wire import Phase
from luthier.operator.conditions import (
    ConditionType,
    Ruling,
    as_reason,
    failed,
    find,
    kept,
    running,
    succeeded,
)
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Acknowledge, Action, DeletePod
from luthier.operator.verdict import Verdict

BAD_EXPERIMENT = "BadExperiment"
"""Reason of an end that only other code or another manifest could avert."""
STOPPED = "Stopped"
"""Reason of an end that the user asked for."""
UNHEARD_SECONDS = 60
"""A driver that was not waited for is sent away when nobody can hear it for so long: it may be about to search."""
NO_STALL = Ruling(ConditionType.STALLED, False, "Finished", "the experiment has ended")


def finish(seen: Observation, now: datetime) -> Verdict | None:
    """Say how it ended, end the workers, and let the driver go."""
    if seen.is_reopened:
        return None
    rulings = _persisted_rulings(seen) if seen.has_ended else _new_rulings(seen)
    if not rulings:
        return None
    return Verdict(
        rulings=(*rulings, running(False, "Finished", "the experiment has ended"), NO_STALL),
        # Not before it is in status: who forgot the report would miss the workers and make them anew.
        actions=(*_ended_pods(seen, now), *_acknowledgement(seen)) if seen.has_ended else (),
        look_again=_looked_at(seen, now) if seen.has_ended else None,
        is_final=True,
    )


def _persisted_rulings(seen: Observation) -> tuple[Ruling, ...]:
    said = (kept(seen.previous, type_) for type_ in (ConditionType.SUCCEEDED, ConditionType.FAILED))
    return tuple(ruling for ruling in said if ruling is not None)


def _new_rulings(seen: Observation) -> tuple[Ruling, ...]:
    outcome = None if seen.is_past_its_end else seen.outcome
    if outcome is not None:
        succeeds, reason, message = outcome.succeeded, as_reason(outcome.reason, "Finished"), outcome.message
    elif seen.driver is not None and seen.driver.exit is not None and seen.driver.exit.code == keys.Exit.BAD_EXPERIMENT:
        succeeds, reason = False, BAD_EXPERIMENT
        message = seen.driver.exit.message[:1024] or "the driver says that the experiment cannot work; see its log"
    elif seen.is_stopped_without_a_driver:
        succeeds, reason, message = bool(seen.previous.best), STOPPED, f"stopped by budget.stop {_when(seen)}"
    else:
        return ()
    unlike = f"the experiment ended with {reason}"
    return (
        succeeded(True, reason, message) if succeeds else succeeded(False, reason, unlike),
        failed(False, reason, unlike) if succeeds else failed(True, reason, message),
    )


def _when(seen: Observation) -> str:
    stall = find(seen.previous, ConditionType.STALLED)
    if seen.attempt == 0 or stall is None:
        return "before any trial began"
    return f"while no driver could run ({stall.reason}: {stall.message})"


def _ended_pods(seen: Observation, now: datetime) -> tuple[Action, ...]:
    """Workers go; the driver's pod stays for its log, unless it knows nothing of the end."""
    leftover = (*seen.stale_drivers, *seen.workers, *_unaware_driver(seen, now))
    return tuple(DeletePod(pod.name, pod.uid) for pod in leftover if pod.state is not PodState.LEAVING)


def _unaware_driver(seen: Observation, now: datetime) -> tuple[Pod, ...]:
    """Return the driver that was not waited for, if it comes up after all."""
    driver, report = seen.driver, seen.contact.report
    if driver is None:
        return ()
    if _is_unheard(seen):
        is_unaware = now >= _unheard_until(seen, now)
    else:
        searches = report is not None and report.attempt == driver.attempt and report.phase is not Phase.FINISHED
        is_unaware = driver.state is PodState.PENDING or (driver.state is PodState.RUNNING and searches)
    return (driver,) if is_unaware else ()


def _is_unheard(seen: Observation) -> bool:
    """Tell whether a driver runs that has said nothing, after a stop that may not have waited for it."""
    said = find(seen.previous, ConditionType.FAILED)
    runs = seen.driver is not None and seen.driver.state is PodState.RUNNING
    return runs and said is not None and said.reason == STOPPED and seen.report is None


def _unheard_until(seen: Observation, now: datetime) -> datetime:
    """Return when a driver has not been heard for too long; nobody may have tried yet."""
    since = seen.contact.unreachable_since if seen.contact.attempt == seen.attempt else None
    return (since or now) + timedelta(seconds=UNHEARD_SECONDS)


def _looked_at(seen: Observation, now: datetime) -> datetime | None:
    """Return when a driver that nobody hears is looked at again."""
    due = _unheard_until(seen, now)
    return due if _is_unheard(seen) and due > now else None


def _acknowledgement(seen: Observation) -> tuple[Action, ...]:
    report = seen.contact.report
    waits = seen.driver is not None and seen.driver.state is PodState.RUNNING
    if not waits or report is None or report.phase is not Phase.FINISHED or report.attempt != seen.attempt:
        return ()
    return (Acknowledge(report.sequence),)
