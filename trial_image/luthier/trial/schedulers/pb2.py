"""PB2: population based bandits (Parker-Holder et al. 2020).

PBT, except that an exploiting member's new values are not a random change of the winner's: a time-varying Gaussian
process is fitted to how much each member's score rose in each interval, and the values with the highest upper
confidence bound of the next rise are taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from luthier.trial.schedulers.pbt import PbtScheduler
from luthier.trial.schedulers.rungs import finite
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import Space, at, unit_of

FEWEST_ROWS = 2
"""Intervals without which there is nothing to fit; until then PB2 explores as PBT does."""
KEPT_ROWS = 1000
RESAMPLE_PROBABILITY = 0.25


class Pb2Scheduler(PbtScheduler):
    """PBT with a bandit's explore step; keeps the score change of each interval."""

    def __init__(self, space: Space, *, interval: int, quantile_fraction: float, iterations: int, seed: int) -> None:
        super().__init__(
            space,
            interval=interval,
            quantile_fraction=quantile_fraction,
            resample_probability=RESAMPLE_PROBABILITY,
            iterations=iterations,
            seed=seed,
        )
        self._rows: list[list[float]] = []
        """One an interval: time, score before, place in the unit cube, change of score per iteration."""
        self._since: dict[str, tuple[int, float]] = {}
        """Iteration and score from which each member's present interval counts."""

    def _look(self, trial: str, iteration: int, score: float) -> None:
        super()._look(trial, iteration, score)
        since, now = self._since.pop(trial, None), finite(score)
        if now is None:
            return
        if since is not None and iteration > since[0]:
            gain = (now - since[1]) / (iteration - since[0])
            self._rows.append([float(iteration), since[1], *self._place(self._members[trial].values), gain])
            del self._rows[:-KEPT_ROWS]
        self._since[trial] = (iteration, now)

    def _explore(self, trial: str, donor: str) -> Values:
        score, time = self._members[donor].score, self._members[trial].looked_at
        if score is None or len(self._rows) < FEWEST_ROWS:
            return super()._explore(trial, donor)
        from luthier.trial.schedulers.bandit import choose  # loads scikit-learn, seconds that only PB2 should pay

        self._since[trial] = (time, score)
        table = np.array(self._rows)
        running = [self._place(m.values) for name, m in self._members.items() if m.is_live and name != trial]
        place = choose(table[:, :-1], table[:, -1], np.array([time, score]), np.array(running), self._generator)
        return {p.name: at(p, float(unit)) for p, unit in zip(self._space.parameters, place, strict=True)}

    def _place(self, values: Values) -> list[float]:
        return [unit_of(parameter, values[parameter.name]) for parameter in self._space.parameters]

    def state(self) -> Any:
        """Return members, generator and intervals."""
        since = {trial: list(entry) for trial, entry in self._since.items()}
        return super().state() | {"rows": [list(row) for row in self._rows], "since": since}

    def restore(self, state: Any) -> None:
        """Take back members, generator and intervals."""
        super().restore(state)
        self._rows = [list(row) for row in state["rows"]]
        self._since = {trial: (iteration, score) for trial, (iteration, score) in state["since"].items()}
