"""Grid search: every combination once.

The grid is never written down, since sixteen parameters of eight values are 2.8e14 points: point k is a number in
mixed radix. The order strides through the grid by the golden ratio, so that a budget smaller than the grid still
spreads over all of it (a rank-1 lattice, Korobov 1959).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from luthier.api.experiment import Spec
from luthier.api.parameters import Parameter
from luthier.trial.search.history import HistorySearcher
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import index_of, size, value_at

GOLDEN = Fraction(618_034, 1_000_000)


class GridSearcher(HistorySearcher):
    """Suggests each point of the grid once, then None."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._visited: set[tuple[int, ...]] = set()
        self._rest = self._points({})

    def _propose(self, given: Values) -> Values | None:
        if given:
            point = self._first_unvisited(self._points(given))
            if point is not None:
                return self._visit(point)
        point = self._first_unvisited(self._rest)
        return None if point is None else self._visit(point)

    def _accept(self, values: Values) -> None:
        self._visited.add(tuple(index_of(p, values[p.name]) for p in self._space.parameters))

    def _visit(self, point: tuple[int, ...]) -> Values:
        self._visited.add(point)
        return {p.name: value_at(p, index) for p, index in zip(self._space.parameters, point, strict=True)}

    def _first_unvisited(self, points: Iterator[tuple[int, ...]]) -> tuple[int, ...] | None:
        return next((point for point in points if point not in self._visited), None)

    def _points(self, given: Values) -> Iterator[tuple[int, ...]]:
        """Yield every point that agrees with the given values, once, in the order of the seed."""
        axes = [_indexes(parameter, given) for parameter in self._space.parameters]
        count = math.prod(len(axis) for axis in axes)
        stride = _coprime_near(int(count * GOLDEN), count)
        place = self._seed % count
        for _ in range(count):
            yield _digits(place, axes)
            place = (place + stride) % count


def _indexes(parameter: Parameter, given: Values) -> range:
    if parameter.name in given:
        index = index_of(parameter, given[parameter.name])
        return range(index, index + 1)
    count = size(parameter)
    if count is None:
        raise ValueError(f"Grid cannot enumerate `{parameter.name}`: a Double parameter needs `step`")
    return range(count)


def _coprime_near(number: int, count: int) -> int:
    """Return a stride that visits all of `count` places before it repeats one."""
    stride = max(number, 1)
    while math.gcd(stride, count) != 1:
        stride += 1
    return stride


def _digits(place: int, axes: list[range]) -> tuple[int, ...]:
    digits = []
    for axis in reversed(axes):
        place, digit = divmod(place, len(axis))
        digits.append(axis[digit])
    return tuple(reversed(digits))
