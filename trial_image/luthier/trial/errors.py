"""What can go wrong in the trial runtime that somebody can do something about."""

from __future__ import annotations


class TrialRuntimeError(Exception):
    """Base of the runtime's own errors."""


class BadExperiment(TrialRuntimeError):
    """The user's code or manifest can't work; the message says what to change. No new attempt helps."""


class Fenced(TrialRuntimeError):
    """A newer attempt owns the storage; whoever sees this leaves without another write."""


class BrokenLedger(TrialRuntimeError):
    """A line of the ledger, not the last one, is no record."""
