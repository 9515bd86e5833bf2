"""The one interface of all search algorithms: propose values, be told how trials ended.

A searcher is a value: it holds a seeded generator and what it was told, never the engine.
Its state is JSON: the order of what it proposed and was told. The ledger holds the same
facts, so a new driver teaches a fresh searcher by `remember` and `observe`, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from luthier.api.parameters import Scalar

Values = dict[str, Scalar]
"""Value by parameter name; parameters whose `when` does not hold are absent."""


class Ending(StrEnum):
    """How a trial ended, as far as a searcher cares."""

    COMPLETED = "Completed"
    """Ran to its end; its values count."""
    STOPPED = "Stopped"
    """Ended early at `iteration`; its values are of a lower budget."""
    FAILED = "Failed"
    """Has no value that counts."""
    INFEASIBLE = "Infeasible"
    """Has none because of its parameters: worse than any value."""


@dataclass(frozen=True)
class Ended:
    """What a searcher is told of one trial."""

    ending: Ending
    iteration: int = 0
    """Iteration of the values."""
    values: tuple[float, ...] = ()
    """Objective values in the spec's order and in the user's own direction; empty when FAILED or INFEASIBLE."""


class Searcher(Protocol):
    """Proposes the parameters of new trials."""

    def suggest(self, trial: str) -> Values | None:
        """Return values for a new trial, or None when the space is exhausted.

        A trial that was suggested or remembered and not yet observed is pending; a model-based
        searcher accounts for it.
        """

    def remember(self, trial: str, values: Values) -> None:
        """Take back a trial that an earlier searcher of the same spec suggested.

        After remembering and observing the same trials in the same order, the next suggestion
        equals the one that the earlier searcher would have made.
        """

    def observe(self, trial: str, ended: Ended) -> None:
        """Take in how a suggested trial ended; one that went on after its end ends again, and that counts."""

    def state(self) -> Any:
        """Return all of this searcher as plain JSON; `restore` takes it."""

    def restore(self, state: Any) -> None:
        """Bring a fresh searcher of the same spec to a saved state."""
