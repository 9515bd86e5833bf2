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


class NewerLedger(BrokenLedger):
    """A newer version wrote what this one neither knows nor may skip; with its image the experiment goes on."""


class StorageNotWritable(TrialRuntimeError):
    """The storage lets this user write nothing; the message says where and as whom."""


class StorageFull(TrialRuntimeError):
    """There is no room on the storage."""

    def __init__(self, message: str, needed: int) -> None:
        """Say where, and take note of how many bytes would have to be free."""
        super().__init__(message, needed)
        self.needed = needed

    def __str__(self) -> str:
        """Return what is said."""
        return str(self.args[0])


class BadCheckpoint(TrialRuntimeError):
    """A checkpoint is torn, damaged or gone; a run goes on from the one before."""
