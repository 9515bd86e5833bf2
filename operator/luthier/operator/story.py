"""Which Events a new status is worth: one for each turn that a reader of `kubectl describe` wants to know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from luthier.api.status import ConditionStatus, Status, StatusCondition
from luthier.operator.conditions import ConditionType, find
from luthier.operator.rules.driver import LOST


@dataclass(frozen=True)
class Happening:
    """One thing that happened."""

    reason: str
    """Accepted, Rejected, Started, DriverLost, Stalled, Resumed, Suspended, Succeeded or Failed."""
    message: str
    is_warning: bool
    time: datetime


def tell(before: Status, after: Status) -> list[Happening]:
    """Return what happened between two statuses."""
    found = (_turn(find(before, type_), find(after, type_)) for type_ in ConditionType)
    return [happening for happening in found if happening is not None]


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
    return ("Resumed", False) if after.type == ConditionType.SUSPENDED and held else None
