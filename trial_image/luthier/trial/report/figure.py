"""Figures as data for plotly.js: plain dictionaries, in the page's own hand, their texts escaped.

Colours that must differ from the page's background are left to the page, which knows whether it is dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from luthier.api.experiment import Direction, Objective

Json = dict[str, Any]

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#4c8dff", "#f59e0b", "#2fa37c", "#e5534b", "#9b7bea", "#8b95a7"
FAINT = "rgba(139,149,167,0.45)"
SCALE = ["#4b3f9e", "#3f6fc4", "#2f9bb5", "#36b58b", "#9ccc4b", "#f2d027"]
"""From worse to better; told apart without red and green, and on black and white paper."""
TEXT_CHARACTERS = 80
"""Of a name or value that a trial gave; more would push the drawing off the page."""


@dataclass(frozen=True)
class Figure:
    """One drawing."""

    key: str
    """Its element's id in the page."""
    title: str
    data: list[Json]
    layout: Json = field(default_factory=dict)
    note: str = ""
    """What to see in it, and what was left out: plain text."""
    height: int = 360
    """Pixels."""
    is_small: bool = False
    """One of several that stand side by side."""

    def to_json(self) -> Json:
        """Return what plotly.js takes."""
        return {"data": self.data, "layout": {"height": self.height, **self.layout}}


def plain(text: object, characters: int = TEXT_CHARACTERS) -> str:
    """Return a text that plotly shows as it is: it would read tags in it, and lay it out in one line."""
    words = " ".join(str(text).split())
    return html.escape(words if len(words) <= characters else words[: characters - 1] + "…", quote=False)


def axis(title: str = "", **more: Any) -> Json:
    """Return an axis with a title."""
    return {"title": {"text": plain(title)}, "automargin": True, **more}


def value_axis(objective: Objective, values: Sequence[float], **more: Any) -> Json:
    """Return the axis of an objective: logarithmic over orders of magnitude, and no wider for a few bad values."""
    arrow = "↑" if objective.direction is Direction.MAXIMIZE else "↓"
    title = f"{objective.metric} {arrow}"
    positive = bool(values) and min(values) > 0
    if positive and max(values) / min(values) > 300:
        return axis(title, type="log", dtick=1, exponentformat="power", **more)
    window = focus(values, objective.direction)
    return axis(title, **({"range": list(window)} if window else {}), **more)


def focus(values: Sequence[float], direction: Direction) -> tuple[float, float] | None:
    """Return the range that shows the better nine tenths, where the rest would press them flat; else None."""
    if len(values) < 8:
        return None
    sign = 1 if direction is Direction.MAXIMIZE else -1
    scores = sorted(sign * value for value in values)
    worst, tenth, best = scores[0], scores[len(scores) // 10], scores[-1]
    if best <= tenth or best - worst < 4 * (best - tenth):
        return None
    margin = 0.06 * (best - tenth)
    low, high = sorted((sign * (tenth - margin), sign * (best + margin)))
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def shade(part: float, opacity: float = 1.0) -> str:
    """Return the colour of a part from 0 (worst) to 1 (best).

    A line's own opacity costs a browser much less than that of the group it lies in.
    """
    place = min(max(part, 0.0), 1.0) * (len(SCALE) - 1)
    index = min(int(place), len(SCALE) - 2)
    one, other = (tuple(int(SCALE[i][at : at + 2], 16) for at in (1, 3, 5)) for i in (index, index + 1))
    mixed = (round(a + (b - a) * (place - index)) for a, b in zip(one, other, strict=True))
    return "rgba({},{},{},{:.2g})".format(*mixed, opacity)
