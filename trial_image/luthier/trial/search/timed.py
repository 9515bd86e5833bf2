"""How long a search algorithm takes to propose: a searcher around another, which tells the seconds of each proposal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from luthier.trial.search.searcher import Ended, Searcher, Values


class TimedSearcher:
    """Proposes what another searcher does."""

    def __init__(
        self, searcher: Searcher, tell: Callable[[float], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Tell the seconds that each proposal of this searcher takes."""
        self._searcher = searcher
        self._tell = tell
        self._clock = clock

    def suggest(self, trial: str) -> Values | None:
        """Return the other's proposal, and tell how long it took."""
        began = self._clock()
        values = self._searcher.suggest(trial)
        self._tell(self._clock() - began)
        return values

    def remember(self, trial: str, values: Values) -> None:
        """Pass on."""
        self._searcher.remember(trial, values)

    def observe(self, trial: str, ended: Ended) -> None:
        """Pass on."""
        self._searcher.observe(trial, ended)

    def state(self) -> Any:
        """Return the other's state."""
        return self._searcher.state()

    def restore(self, state: Any) -> None:
        """Restore the other."""
        self._searcher.restore(state)
