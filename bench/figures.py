"""One measured figure, and how all are printed: a value, what it is held against, whether it is good enough.

Times on a shared machine say little, so a figure is a count or a ratio within one run where that can be had, and
each carries the machine's load before and after.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Sense = Literal["<=", ">="]
COLUMNS = ("figure", "value", "peer", "ratio", "goal", "met", "load")


@dataclass(frozen=True)
class Goal:
    """What a figure should be; about the ratio to its peer where `of_ratio` is set."""

    sense: Sense
    bound: float
    of_ratio: bool = False

    def is_met_by(self, value: float, ratio: float | None) -> bool:
        """Tell whether a figure is good enough."""
        held = ratio if self.of_ratio else value
        return held is not None and (held <= self.bound if self.sense == "<=" else held >= self.bound)


@dataclass(frozen=True)
class Figure:
    """One line of the report."""

    name: str
    value: float
    unit: str
    peer: str = ""
    """What the value is held against: the peer's name."""
    peer_value: float | None = None
    goal: Goal | None = None
    note: str = ""
    samples: tuple[float, ...] = ()
    peer_samples: tuple[float, ...] = ()
    load: tuple[float, float] = (0.0, 0.0)
    """Load average of one minute before and after."""

    @property
    def ratio(self) -> float | None:
        """Value by peer's value."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return self.goal.is_met_by(self.value, self.ratio) if self.goal else None

    def as_json(self) -> dict[str, Any]:
        """Return all of it, derived values too."""
        return asdict(self) | {"ratio": self.ratio, "is_met": self.is_met}


@dataclass(frozen=True)
class Missing:
    """A figure that could not be taken, and why."""

    name: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


Result = Figure | Missing


@dataclass
class Pairs:
    """Samples of two sides that were taken in turn."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def figure(self, name: str, unit: str, peer: str, goal: Goal | None = None, note: str = "") -> Figure:
        """Return the medians as a figure."""
        return Figure(
            name,
            statistics.median(self.ours),
            unit,
            peer,
            statistics.median(self.theirs),
            goal,
            note,
            tuple(self.ours),
            tuple(self.theirs),
        )


def load() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 1)


def as_table(results: Iterable[Result]) -> str:
    """Return a Markdown table."""
    rows = [COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], _line(["-" * width for width in widths], widths), *lines[1:]])


def _row(result: Result) -> tuple[str, ...]:
    if isinstance(result, Missing):
        return (result.name, "not taken", result.why, "", "", "", "")
    ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
    peer = f"{_number(result.peer_value)} {result.peer}" if result.peer_value is not None else result.peer
    met = {True: "yes", False: "**no**", None: ""}[result.is_met]
    loads = f"{result.load[0]:g} to {result.load[1]:g}"
    return (result.name, f"{_number(result.value)} {result.unit}".strip(), peer, ratio, _goal(result), met, loads)


def _goal(figure: Figure) -> str:
    goal = figure.goal
    if goal is None:
        return ""
    return f"{goal.sense} {goal.bound:g}" + (" as ratio" if goal.of_ratio else f" {figure.unit}".rstrip())


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
