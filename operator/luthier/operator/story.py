"""Which Events a new status is worth: one for each turn that a reader of `kubectl describe` wants to know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from luthier.api.status import ConditionStatus, Status, StatusCondition
from luthier.operator.conditions import ConditionType, find
from luthier.operator.rules.driver import LOST
from luthier.operator.rules.finish import NO_STALL
from luthier.operator.rules.suspension import SUSPENDED

SPENT = ("TrialsDone", "DurationReached", "GpuHoursReached", "TooManyFailures")
"""Reasons of an end at which a part of the budget is used up."""
STALLED, RECOVERED = "Stalled", "Recovered"
WORDS = 800
"""Characters of a trial's error in an event: its end, where the cause stands."""


@dataclass(frozen=True)
class Happening:
    """One thing that happened."""

    reason: str
    """In one word: Accepted, Started, FirstResult, NewBest, Stalled, Recovered, BudgetReached, Succeeded, ..."""
    message: str
    is_warning: bool
    time: datetime


def tell(before: Status, after: Status) -> list[Happening]:
    """Return what happened between two statuses."""
    turns = ((find(before, type_), find(after, type_)) for type_ in ConditionType)
    return [happening for turn in turns for happening in (_spent(*turn), _turn(*turn)) if happening is not None]


def failures_since(told: int, status: Status) -> str | None:
    """Return what is to be said of the trials that failed since so many of them were told of."""
    news = status.trials.failed - told
    if news <= 0 or not status.failures:
        return None
    last = status.failures[-1]
    who = f"{last.trial} failed" if news == 1 else f"{news} trials failed, the last one {last.trial}"
    return f"{who}: {last.cause}: {last.message[-WORDS:]}"


def _spent(before: StatusCondition | None, after: StatusCondition | None) -> Happening | None:
    """An end that comes of the budget says which part of it."""
    is_end = after is not None and after.type in (ConditionType.SUCCEEDED, ConditionType.FAILED)
    if after is None or not is_end or not _holds(after) or _holds(before) or after.reason not in SPENT:
        return None
    return Happening("BudgetReached", after.message, False, after.last_transition_time)


def _turn(before: StatusCondition | None, after: StatusCondition | None) -> Happening | None:
    if after is None or (before is not None and (before.status, before.reason) == (after.status, after.reason)):
        return None
    named = _name(before, after)
    if named is None:
        return None
    reason, is_warning = named
    if reason == RECOVERED and before is not None:
        return Happening(reason, f"no longer {before.reason}", is_warning, after.last_transition_time)
    message = f"{after.reason}: {after.message}" if reason != after.reason else after.message
    return Happening(reason, message, is_warning, after.last_transition_time)


def _name(before: StatusCondition | None, after: StatusCondition) -> tuple[str, bool] | None:
    holds, held = _holds(after), _holds(before)
    if holds:
        names: dict[str, tuple[str, bool]] = {
            ConditionType.ACCEPTED: ("Accepted", False),
            ConditionType.RUNNING: ("Started", False),
            ConditionType.SUSPENDED: ("Suspended", False),
            ConditionType.STALLED: (STALLED, True),
            ConditionType.SUCCEEDED: ("Succeeded", False),
            ConditionType.FAILED: ("Failed", True),
        }
        return names.get(after.type) if not held or after.type == ConditionType.STALLED else None
    if after.type == ConditionType.ACCEPTED:
        return "Rejected", True
    if after.type == ConditionType.RUNNING and after.reason == LOST:
        return "DriverLost", True
    if held and after.type == ConditionType.STALLED and after.reason not in (NO_STALL.reason, SUSPENDED):
        return RECOVERED, False
    if held and after.type in (ConditionType.SUCCEEDED, ConditionType.FAILED):
        return "Reopened", False
    return ("Resumed", False) if after.type == ConditionType.SUSPENDED and held else None


def _holds(condition: StatusCondition | None) -> bool:
    return condition is not None and condition.status is ConditionStatus.TRUE
