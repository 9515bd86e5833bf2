"""Trials by their best score, kept in order as results come in.

A report is made twice a second, and sorting all trials for each would take a driver with a hundred thousand of
them longer than that.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice

Place = tuple[float, int, str]


class Ranking:
    """Names with scores, the largest first; among equals whoever had a score first."""

    def __init__(self) -> None:
        """Rank nobody."""
        self._order: list[Place] = []
        self._places: dict[str, Place] = {}
        self._seen = 0

    def put(self, name: str, score: float | None) -> None:
        """Take over a score; None takes a name out."""
        before = self._places.pop(name, None)
        if before is not None:
            del self._order[bisect_left(self._order, before)]
        if score is None:
            return
        self._seen += before is None
        self._places[name] = (-score, before[1] if before else self._seen, name)
        insort(self._order, self._places[name])

    def top(self, count: int) -> list[str]:
        """Return the best names, best first."""
        return list(islice(self, count))

    def __iter__(self) -> Iterator[str]:
        return (name for _, _, name in self._order)
