"""The one interface of all schedulers: be given a result, return a decision.

A scheduler is a value with a seeded generator and JSON state; it never holds the engine.
Scores are always "larger is better": the caller turns the sign for Minimize.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from luthier.api.parameters import Scalar
from luthier.api.status import RungCount
from luthier.trial.search.searcher import Values


@dataclass(frozen=True)
class Continue:
    """Go on."""


@dataclass(frozen=True)
class Stop:
    """End the trial early; `reason` is a sentence with numbers."""

    reason: str


@dataclass(frozen=True)
class Pause:
    """Save, give the slot away, and wait for an order."""


@dataclass(frozen=True)
class Exploit:
    """Go on from the donor's checkpoint with new values.

    A trial that is its own donor goes on from what it saves at this report.
    """

    donor: str
    donor_iteration: int
    """Iteration of the donor's checkpoint; where the trial is its own donor, that of the report."""
    values: Values
    changed: dict[str, tuple[Scalar | None, Scalar | None]] = field(default_factory=dict)
    """Donor's value and new value of each parameter that explore changed."""


Decision = Continue | Stop | Pause | Exploit


@dataclass(frozen=True)
class Resume:
    """Order: a paused trial may run again as soon as a slot is free."""

    trial: str


@dataclass(frozen=True)
class Drop:
    """Order: a paused trial ends early."""

    trial: str
    reason: str


Order = Resume | Drop


class Scheduler(Protocol):
    """Decides which running trials go on."""

    new_first: bool
    """Whether a free slot goes to a new trial before a paused one that may resume."""

    def added(self, trial: str, values: Values) -> None:
        """A new trial joins."""

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """A trial has a result at an iteration (its own reports, from 1); `waiting` others wait for a slot."""

    def saved(self, trial: str, iteration: int) -> None:
        """A checkpoint of a trial at an iteration is complete on storage."""

    def lost(self, trial: str, last: int) -> None:
        """A checkpoint of a trial turned out to be bad; `last` is the iteration of the newest that is left, or 0."""

    def ended(self, trial: str) -> None:
        """A trial will not report again (complete, stopped from outside or failed)."""

    def closed(self) -> None:
        """No new trial will join any more (until `added` is called again)."""

    def resized(self, iterations: int | None, complete: list[str]) -> list[str]:
        """Trials are complete at another iteration from now on.

        Args:
            iterations: at which they are; None where they end by themselves.
            complete: trials that were complete sooner than that, best first; `ended` was called for each.

        Returns:
            Those of the complete trials that go on and will report again, in the order in which they should.
        """

    def orders(self) -> list[Order]:
        """Return, once, the orders on paused trials that the last calls gave rise to."""

    def rung_counts(self) -> list[RungCount]:
        """Return how many trials went on and how many ended at each rung, lowest first; nothing without rungs."""

    def state(self) -> Any:
        """Return all of this scheduler as plain JSON; `restore` takes it."""

    def restore(self, state: Any) -> None:
        """Bring a fresh scheduler of the same spec to a saved state."""
