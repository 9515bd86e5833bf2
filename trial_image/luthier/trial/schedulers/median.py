"""Median stopping (Golovin et al. 2017, "Google Vizier", section 3.2.2).

A trial stops at an iteration when its best score so far is worse than the median of the other trials' running averages
at the same iteration.
"""

from __future__ import annotations

import math
from typing import Any

from luthier.trial.schedulers.rungs import median
from luthier.trial.schedulers.scheduler import Continue, Decision, Stop
from luthier.trial.schedulers.stopping import StoppingScheduler


class MedianStoppingScheduler(StoppingScheduler):
    """Stops trials below the median; keeps each trial's best score and its sum of scores at each iteration."""

    def __init__(self, *, grace_period: int, min_trials: int) -> None:
        self._grace_period = grace_period
        self._min_trials = min_trials
        self._best: dict[str, float] = {}
        self._sums: dict[int, dict[str, tuple[float, int]]] = {}
        """By iteration and trial: the sum of its scores up to there, and how many they are."""
        self._last: dict[str, int] = {}

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """Take in a score and compare the trial with the others that got as far."""
        self._take(trial, iteration, score)
        if iteration < self._grace_period:
            return Continue()
        others = [total / count for other, (total, count) in self._sums[iteration].items() if other != trial and count]
        if len(others) < self._min_trials:
            return Continue()
        middle, best = median(others), self._best.get(trial, -math.inf)
        if best >= middle:
            return Continue()
        return Stop(
            f"iteration {iteration}: its best, {best:.6g}, is below {middle:.6g}, "
            f"the median of the running averages of {len(others)} other trials"
        )

    def _take(self, trial: str, iteration: int, score: float) -> None:
        """Add a score; what is not finite counts for nothing, and a repeated iteration replaces what it repeats."""
        before = min(self._last.get(trial, 0), iteration - 1)
        total, count = self._sums.get(before, {}).get(trial, (0.0, 0))
        if math.isfinite(score):
            total, count = total + score, count + 1
            self._best[trial] = max(self._best.get(trial, -math.inf), score)
        self._sums.setdefault(iteration, {})[trial] = (total, count)
        self._last[trial] = iteration

    def state(self) -> Any:
        """Return best scores and sums."""
        sums = {str(i): {trial: list(entry) for trial, entry in row.items()} for i, row in self._sums.items()}
        return {"best": dict(self._best), "last": dict(self._last), "sums": sums}

    def restore(self, state: Any) -> None:
        """Take back best scores and sums."""
        self._best = dict(state["best"])
        self._last = dict(state["last"])
        self._sums = {
            int(i): {trial: (total, count) for trial, (total, count) in row.items()} for i, row in state["sums"].items()
        }
