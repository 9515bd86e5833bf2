"""Rungs in whole numbers.

The number of rungs is floor(log(max / min) / log(factor)), and in floating point that is one short wherever the
quotient is exact: (1, 1000, 10) and (1, 243, 3) lose their last rung in Ray Tune and Syne Tune. Counting has no such
corner.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from luthier.api.status import RungCount


class RungTally:
    """How many trials went on and how many ended, by rung."""

    def __init__(self) -> None:
        self._promoted: dict[int, int] = {}
        self._stopped: dict[int, int] = {}

    def promote(self, rung: int) -> None:
        """Count a trial that goes on."""
        self._promoted[rung] = self._promoted.get(rung, 0) + 1

    def stop(self, rung: int) -> None:
        """Count a trial that ends."""
        self._stopped[rung] = self._stopped.get(rung, 0) + 1

    def counts(self) -> list[RungCount]:
        """Return the counts, lowest rung first."""
        return [
            RungCount(iterations=rung, promoted=self._promoted.get(rung, 0), stopped=self._stopped.get(rung, 0))
            for rung in sorted(self._promoted.keys() | self._stopped.keys())
        ]

    def state(self) -> Any:
        """Return the counts as plain JSON."""
        return [[count.iterations, count.promoted, count.stopped] for count in self.counts()]

    def restore(self, state: Any) -> None:
        """Take back the counts."""
        self._promoted = {rung: promoted for rung, promoted, _ in state if promoted}
        self._stopped = {rung: stopped for rung, _, stopped in state if stopped}


def milestones(first: int, end: int, factor: int) -> list[int]:
    """Return first * factor**k for all k for which it is below `end`: the iterations at which trials are compared."""
    found, milestone = [], first
    while milestone < end:
        found.append(milestone)
        milestone *= factor
    return found


def whole_log(number: int, base: int) -> int:
    """Return the largest k for which base**k <= number."""
    k = 0
    while base ** (k + 1) <= number:
        k += 1
    return k


def ranked(scores: Mapping[str, float | None]) -> list[str]:
    """Return the trials from the best to the worst; equal ones in order of arrival, those without a score last."""
    return sorted(scores, key=lambda trial: (scores[trial] is None, -(scores[trial] or 0.0)))


def finite(score: float) -> float | None:
    """Return a score that compares and is JSON, or None."""
    return score if math.isfinite(score) else None


def median(values: Iterable[float]) -> float:
    """Return the middle one of some values, of an even number of them the mean of the middle two."""
    ascending = sorted(values)
    middle = len(ascending) // 2
    return ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2


def fraction_name(factor: int) -> str:
    """Spell 1/factor: `half`, `third`, `quarter`, `1/5`."""
    return {2: "half", 3: "third", 4: "quarter"}.get(factor, f"1/{factor}")
