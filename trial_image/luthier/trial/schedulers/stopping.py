"""What schedulers that never pause a trial have in common: nobody waits, so nothing is saved for or ordered."""

from __future__ import annotations

from typing import Any

from luthier.api.status import RungCount
from luthier.trial.schedulers.scheduler import Continue, Decision, Order
from luthier.trial.search.searcher import Values


class StoppingScheduler:
    """Lets every trial run to its end, unless `report` is overridden."""

    new_first = False

    def added(self, trial: str, values: Values) -> None:
        """Nothing to know."""

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """Go on, whatever the result."""
        return Continue()

    def saved(self, trial: str, iteration: int) -> None:
        """Nothing to know."""

    def lost(self, trial: str, last: int) -> None:
        """Nothing to know."""

    def ended(self, trial: str) -> None:
        """Nothing to know."""

    def closed(self) -> None:
        """Nothing to know."""

    def resized(self, iterations: int | None, complete: list[str]) -> list[str]:
        """Let all of them go on."""
        return complete

    def orders(self) -> list[Order]:
        """Nothing is ever paused."""
        return []

    def rung_counts(self) -> list[RungCount]:
        """No rungs, unless a scheduler says otherwise."""
        return []

    def state(self) -> Any:
        """Nothing to save."""
        return {}

    def restore(self, state: Any) -> None:
        """Nothing to restore."""
