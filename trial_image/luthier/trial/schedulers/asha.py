"""ASHA: asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning").

The stopping variant, as in Ray Tune: a trial that reaches a rung goes on if it is among the best 1/reductionFactor of
those seen there so far, else it stops at once; nobody waits. Own code because Ray's counts rungs in floating point and
draws the bracket from the global generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.api.status import RungCount
from luthier.trial.schedulers.rungs import RungTally, fraction_name, milestones
from luthier.trial.schedulers.scheduler import Continue, Decision, Stop
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.search.searcher import Values


class AshaScheduler(StoppingScheduler):
    """Stops trials at rungs; keeps, by bracket and rung, the score of every trial that got there."""

    def __init__(self, *, grace_period: int, reduction_factor: int, brackets: int, iterations: int, seed: int) -> None:
        self._factor = reduction_factor
        count = max(1, min(brackets, len(milestones(grace_period, iterations, reduction_factor))))
        self._first_rungs = [grace_period * reduction_factor**bracket for bracket in range(count)]
        self._generator = np.random.default_rng(seed)
        self._bracket_of: dict[str, int] = {}
        self._scores: list[dict[int, dict[str, float]]] = [{} for _ in self._first_rungs]
        self._tally = RungTally()
        self._uncounted: dict[str, int] = {}
        """Rung at the very end that a trial has got to: it is promoted there if the end is moved and it goes on."""
        self._add_rungs(iterations)

    @property
    def brackets(self) -> list[list[int]]:
        """Iterations of the rungs of each bracket; one at the very end stops nobody, but knows who is worth more."""
        return [list(rungs) for rungs in self._scores]

    def added(self, trial: str, values: Values) -> None:
        """Draw the trial's bracket; each gets 1/reductionFactor of the trials of the one before."""
        weights = np.array([float(self._factor) ** -bracket for bracket in range(len(self.brackets))])
        self._bracket_of[trial] = int(self._generator.choice(len(weights), p=weights / weights.sum()))

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """Judge a trial at the rung that it has reached; a trial that repeats a rung after a crash is judged again."""
        rungs = self._scores[self._bracket_of[trial]]
        reached = [rung for rung in rungs if rung <= iteration]
        if not reached or (trial in rungs[reached[-1]] and iteration != reached[-1]):
            return Continue()
        return self._judge(trial, reached[-1], rungs[reached[-1]], score)

    def _judge(self, trial: str, rung: int, seen: dict[str, float], score: float) -> Decision:
        is_new = trial not in seen
        decision = self._compared(trial, rung, seen, score)
        if is_new and rung < self._end:
            count = self._tally.stop if isinstance(decision, Stop) else self._tally.promote
            count(rung)
        elif is_new:  # at the very end a trial is complete, whatever is said of it
            self._uncounted[trial] = rung
        return decision

    def _compared(self, trial: str, rung: int, seen: dict[str, float], score: float) -> Decision:
        if not math.isfinite(score):
            return Stop(f"rung {rung}: {score} cannot be compared")
        seen[trial] = score
        cutoff = self._cutoff(seen)
        if score >= cutoff:
            return Continue()
        return Stop(
            f"rung {rung}: {score:.6g} is below the {cutoff:.6g} that the best {fraction_name(self._factor)} "
            f"of {len(seen)} trials reached"
        )

    def resized(self, iterations: int | None, complete: list[str]) -> list[str]:
        """Add the rungs up to the new end; of the complete trials, the best 1/reductionFactor of a rung go on."""
        if iterations is not None:
            self._add_rungs(iterations)
        going_on = [trial for trial in complete if self._is_among_the_best(trial)]
        for trial in going_on:
            if rung := self._uncounted.pop(trial, 0):
                self._tally.promote(rung)
        return going_on

    def _add_rungs(self, iterations: int) -> None:
        """Rungs are never taken away: who was seen there counts when the end is raised again."""
        self._end = iterations
        for first, rungs in zip(self._first_rungs, self._scores, strict=True):
            for rung in milestones(first, iterations + 1, self._factor):
                rungs.setdefault(rung, {})

    def _is_among_the_best(self, trial: str) -> bool:
        rungs = self._scores[self._bracket_of[trial]]
        seen = next((seen for seen in reversed(rungs.values()) if trial in seen), None)
        return seen is None or seen[trial] >= self._cutoff(seen)

    def _cutoff(self, seen: dict[str, float]) -> float:
        best_first = sorted(seen.values(), reverse=True)
        return best_first[max(1, len(seen) // self._factor) - 1]

    def rung_counts(self) -> list[RungCount]:
        """Return promotions and stops by rung, those of all brackets together."""
        return self._tally.counts()

    def state(self) -> Any:
        """Return brackets, rungs and generator."""
        return {
            "bracket_of": dict(self._bracket_of),
            "scores": [{str(rung): dict(seen) for rung, seen in rungs.items()} for rungs in self._scores],
            "generator": self._generator.bit_generator.state,
            "end": self._end,
            "tally": self._tally.state(),
            "uncounted": dict(self._uncounted),
        }

    def restore(self, state: Any) -> None:
        """Take back brackets, rungs and generator."""
        self._bracket_of = dict(state["bracket_of"])
        self._scores = [{int(rung): dict(seen) for rung, seen in rungs.items()} for rungs in state["scores"]]
        self._generator.bit_generator.state = state["generator"]
        self._end = state["end"]
        self._tally.restore(state["tally"])
        self._uncounted = dict(state["uncounted"])
