"""Fewer things to draw where there are too many, the telling ones always among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return at most `count` of the items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    if count < 2:
        return list(items[:count])
    step = (len(items) - 1) / (count - 1)
    return [items[round(index * step)] for index in range(count)]


def telling(items: Sequence[T], count: int, is_telling: Callable[[T], bool]) -> list[T]:
    """Return at most `count` of the items in their order: the telling ones first, then an even spread of the rest."""
    if len(items) <= count:
        return list(items)
    marks = [is_telling(item) for item in items]
    chosen = spread([index for index, mark in enumerate(marks) if mark], count)
    rest = [index for index, mark in enumerate(marks) if not mark]
    return [items[index] for index in sorted([*chosen, *spread(rest, count - len(chosen))])]


def said(drawn: int, total: int, what: str) -> str:
    """Return the sentence that tells the reader what is left out; empty where nothing is."""
    return f"{drawn:,} of {total:,} {what} are drawn." if drawn < total else ""


def climbing(values: Iterable[float], better: Callable[[float, float], bool]) -> list[int]:
    """Return the indices of the values that are better than all before them."""
    found: list[int] = []
    best: float | None = None
    for index, value in enumerate(values):
        if best is None or better(value, best):
            best = value
            found.append(index)
    return found
