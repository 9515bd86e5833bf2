"""What a scheduler will do with a budget, before anything starts: trials by rung or generation, and iterations in all.

Whole numbers, as the schedulers themselves count; nothing here needs them or their libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from luthier.api.experiment import Spec
from luthier.api.scheduling import Asha, Hyperband

MEDIAN_SHARE = 0.5
"""Of the trials under median stopping, those that are taken to be stopped at the grace period; a rough guess."""


@dataclass(frozen=True)
class Stage:
    """Trials that train from one iteration to another."""

    name: str
    trials: float
    """Expected number."""
    first: int
    """Iterations that they have behind them."""
    last: int
    """Iterations at its end."""

    @property
    def iterations(self) -> float:
        """Iterations of all of them."""
        return self.trials * (self.last - self.first)


@dataclass(frozen=True)
class Course:
    """How an experiment is expected to go."""

    stages: tuple[Stage, ...]
    worst: int
    """Iterations in all if no trial is stopped early."""
    note: str
    """What the expectation rests on."""

    @property
    def expected(self) -> float:
        """Expected iterations in all."""
        return sum(stage.iterations for stage in self.stages)


def course_of(spec: Spec) -> Course | None:
    """Return the course of an experiment; None where only the trials themselves know when they end."""
    length, trials = spec.budget.iterations_per_trial, spec.budget.trials
    if length is None:
        return None
    worst = trials * length
    blocks = spec.scheduler
    if blocks and blocks.asha:
        note = "a rung lets the best 1/reductionFactor go on; trials that get better from one to the next all go on"
        return Course(tuple(_asha(blocks.asha, trials, length)), worst, note)
    if blocks and blocks.hyperband:
        stages = tuple(_hyperband(blocks.hyperband, trials, length))
        exact = round(sum(stage.iterations for stage in stages))
        return Course(stages, exact, "hyperband decides whole rungs, so this is exact unless trials fail")
    if blocks and blocks.median_stopping:
        grace = min(blocks.median_stopping.grace_period, length)
        after = Stage("beyond the median", trials * (1 - MEDIAN_SHARE), grace, length)
        return Course((Stage("grace period", trials, 0, grace), after), worst, "a guess: half stop at the grace period")
    population = (blocks.pbt or blocks.pb2) if blocks else None
    if population:
        step = population.perturbation_interval
        copies = int(trials * population.quantile_fraction)
        stages = tuple(
            Stage(f"generation {number}", trials, first, min(first + step, length))
            for number, first in enumerate(range(0, length, step), start=1)
        )
        return Course(stages, worst, f"every member trains to the end; up to {copies} copy from others per generation")
    return Course((Stage("all", trials, 0, length),), worst, "no trial is stopped early")


def _asha(block: Asha, trials: int, length: int) -> Iterator[Stage]:
    factor = block.reduction_factor
    rungs = _milestones(block.grace_period, length, factor)
    count = max(1, min(block.brackets, len(rungs)))
    weights = [factor**-bracket for bracket in range(count)]
    for bracket, weight in enumerate(weights):
        left, first = trials * weight / sum(weights), 0
        for rung in [*_milestones(block.grace_period * factor**bracket, length, factor), length]:
            place = f"bracket {bracket}, " if count > 1 else ""
            yield Stage(f"{place}{'the end' if rung == length else f'rung {rung}'}", left, first, rung)
            left, first = left / factor, rung


def _hyperband(block: Hyperband, trials: int, length: int) -> Iterator[Stage]:
    factor = block.reduction_factor
    highest = len(_milestones(1, length + 1, factor)) - 1
    number, left = highest, trials
    while left > 0:
        size = min(left, -(-(highest + 1) * factor**number // (number + 1)))
        left -= size
        first = 0
        for k in range(number, -1, -1):
            rung = length // factor**k
            name = f"bracket {number}, {'the end' if k == 0 else f'rung {rung}'}"
            yield Stage(name, size, first, rung)
            size, first = max(1, size // factor), rung
        number = number - 1 if number else highest


def _milestones(first: int, end: int, factor: int) -> list[int]:
    found, milestone = [], first
    while milestone < end:
        found.append(milestone)
        milestone *= factor
    return found
