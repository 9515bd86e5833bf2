"""The six conditions of an experiment, and what a rule says about one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from luthier.api.status import ConditionStatus, Status, StatusCondition


class ConditionType(StrEnum):
    """Always all present in status, in this order."""

    ACCEPTED = "Accepted"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    STALLED = "Stalled"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Ruling:
    """What a rule says about one condition; reason and message go into status unchanged."""

    type: ConditionType
    status: bool
    reason: str
    message: str


def accepted(status: bool, reason: str, message: str) -> Ruling:
    """Say whether the spec can be used."""
    return Ruling(ConditionType.ACCEPTED, status, reason, message)


def running(status: bool, reason: str, message: str) -> Ruling:
    """Say whether the search runs."""
    return Ruling(ConditionType.RUNNING, status, reason, message)


def suspended(status: bool, reason: str, message: str) -> Ruling:
    """Say whether the user has stopped the experiment for now."""
    return Ruling(ConditionType.SUSPENDED, status, reason, message)


def stalled(reason: str, message: str) -> Ruling:
    """Say why there is no progress."""
    return Ruling(ConditionType.STALLED, True, reason, message)


def succeeded(status: bool, reason: str, message: str) -> Ruling:
    """Say whether the experiment did what it was asked for."""
    return Ruling(ConditionType.SUCCEEDED, status, reason, message)


def failed(status: bool, reason: str, message: str) -> Ruling:
    """Say whether the experiment ended without what it was asked for."""
    return Ruling(ConditionType.FAILED, status, reason, message)


DEFAULTS = (
    accepted(True, "Valid", "the spec can be used"),
    running(False, "NotStarted", "no driver runs"),
    suspended(False, "NotSuspended", "spec.suspend is false"),
    Ruling(ConditionType.STALLED, False, "Progressing", "nothing stands in the way"),
    succeeded(False, "NotFinished", "the experiment has not ended"),
    failed(False, "NotFinished", "the experiment has not ended"),
)
"""What holds where no rule says otherwise."""


def find(status: Status, type_: ConditionType) -> StatusCondition | None:
    """Return a condition of a status, if it has it."""
    return next((condition for condition in status.conditions if condition.type == type_), None)


def holds(status: Status, type_: ConditionType) -> bool:
    """Tell whether a condition of a status is True."""
    condition = find(status, type_)
    return condition is not None and condition.status is ConditionStatus.TRUE


def kept(status: Status, type_: ConditionType) -> Ruling | None:
    """Return what a status already says about a condition, to be said again."""
    condition = find(status, type_)
    if condition is None:
        return None
    return Ruling(type_, condition.status is ConditionStatus.TRUE, condition.reason, condition.message)


def as_reason(text: str, otherwise: str) -> str:
    """Return a word that a trial's pod wrote, if it can be a reason: it may be anything."""
    return text if text.isascii() and text.isalnum() and text[:1].isalpha() else otherwise
