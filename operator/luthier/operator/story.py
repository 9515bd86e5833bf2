"""Which Events a new status is worth: one for each turn that a reader of `kubectl describe` wants to know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from luthier.api.status import ConditionStatus, Status, StatusCondition
from luthier.operator.conditions import ConditionType, find
from luthier.operator.rules.driver import LOST

FAILURES_SECONDS = 20
"""At most one event about failed trials in this time, however many fail."""
WORDS = 800
"""Characters of a trial's error in an event: its end, where the cause stands."""


@dataclass(frozen=True)
class Happening:
    """One thing that happened."""

    reason: str
    """In one word: Accepted, Started, DriverLost, Stalled, TrialFailed, Resumed, Suspended, Reopened, Succeeded, ..."""
    message: str
    is_warning: bool
    time: datetime


def tell(before: Status, after: Status) -> list[Happening]:
    """Return what happened between two statuses."""
    found = (_turn(find(before, type_), find(after, type_)) for type_ in ConditionType)
    return [happening for happening in found if happening is not None]


def tell_failures(told: int, status: Status, now: datetime) -> Happening | None:
    """Return what happened to the trials that failed since so many of them were told of."""
    news = status.trials.failed - told
    if news <= 0 or not status.failures:
        return None
    last = status.failures[-1]
    who = f"{last.trial} failed" if news == 1 else f"{news} trials failed, the last one {last.trial}"
    return Happening("TrialFailed", f"{who}: {last.cause}: {last.message[-WORDS:]}", True, now)


def _turn(before: StatusCondition | None, after: StatusCondition | None) -> Happening | None:
    if after is None or (before is not None and (before.status, before.reason) == (after.status, after.reason)):
        return None
    named = _name(before, after)
    if named is None:
        return None
    reason, is_warning = named
    message = f"{after.reason}: {after.message}" if reason != after.reason else after.message
    return Happening(reason, message, is_warning, after.last_transition_time)


def _name(before: StatusCondition | None, after: StatusCondition) -> tuple[str, bool] | None:
    holds = after.status is ConditionStatus.TRUE
    held = before is not None and before.status is ConditionStatus.TRUE
    if holds:
        names: dict[str, tuple[str, bool]] = {
            ConditionType.ACCEPTED: ("Accepted", False),
            ConditionType.RUNNING: ("Started", False),
            ConditionType.SUSPENDED: ("Suspended", False),
            ConditionType.STALLED: ("Stalled", True),
            ConditionType.SUCCEEDED: ("Succeeded", False),
            ConditionType.FAILED: ("Failed", True),
        }
        return names.get(after.type) if not held or after.type == ConditionType.STALLED else None
    if after.type == ConditionType.ACCEPTED:
        return "Rejected", True
    if after.type == ConditionType.RUNNING and after.reason == LOST:
        return "DriverLost", True
    if held and after.type in (ConditionType.SUCCEEDED, ConditionType.FAILED):
        return "Reopened", False
    return ("Resumed", False) if after.type == ConditionType.SUSPENDED and held else None
