"""The search space as it was searched: parallel coordinates, slices, importance of parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from luthier.api.parameters import RANGED, Parameter, Scalar, Scale
from luthier.trial.report.figure import BLUE, FAINT, Figure, Json, axis, plain, shade, value_axis
from luthier.trial.report.sampling import said, telling
from luthier.trial.story import Story, parameter_text
from luthier.trial.trial_state import TrialState

AXES = 10
"""Parameters that have room beside each other."""
LINES = 400
SLICES = 12
SLICE_DOTS = 400
ABSENT = -0.12
"""Where a line passes the axis of a parameter that its trial does not have."""


def parallel(story: Story, order: Sequence[str]) -> list[Figure]:
    """Return the parallel coordinates: a line a trial over the parameters, the most important beside the objective.

    Args:
        story: the experiment.
        order: parameters' names, the most important first.
    """
    ranked = story.ranked
    if len(ranked) < 2:
        return []
    names = list(order)[:AXES]
    axes = {name: Axis(parameter) for parameter in story.spec.parameters if (name := parameter.name) in names}
    places = list(enumerate(ranked))
    drawn = telling(places, LINES, lambda place: place[0] < LINES // 4)
    values = [story.best_value(trial) or 0.0 for trial in ranked]
    scale = Span(values)
    data = [
        _line(story, trial, [axes[name] for name in reversed(names)], scale, len(ranked), rank)
        for rank, trial in reversed(drawn)
    ]
    columns = [*reversed(names), story.objective.metric]
    layout: Json = {
        "xaxis": {
            "tickvals": list(range(len(columns))),
            "ticktext": [plain(name, 18) for name in columns],
            "range": [-0.3, len(columns) - 0.55],
            "side": "top",
            "showgrid": True,
            "zeroline": False,
        },
        "yaxis": {"visible": False, "range": [-0.2, 1.08]},
        "margin": {"t": 34, "b": 14},
        "annotations": _ends(columns, axes, scale),
        "showlegend": False,
        "hovermode": "closest",
    }
    note = "A line is a trial, bright is better; the parameters that matter most stand beside the objective."
    parts = [note, said(len(drawn), len(ranked), "trials"), said(len(names), len(order), "parameters")]
    return [Figure("parallel", "Parallel coordinates", data, layout, " ".join(filter(None, parts)), height=420)]


class Span:
    """Numbers laid out from 0 to 1."""

    def __init__(self, values: Sequence[float], *, is_log: bool = False) -> None:
        self.low, self.high = (min(values), max(values)) if values else (0.0, 1.0)
        self.is_log = is_log and self.low > 0

    def place(self, value: float) -> float:
        """Return where a number stands."""
        low, high, at = (math.log(x) if self.is_log else x for x in (self.low, self.high, max(value, self._least())))
        return 0.5 if high == low else (at - low) / (high - low)

    def _least(self) -> float:
        return self.low if self.is_log else -math.inf


class Axis:
    """The axis of one parameter, from 0 to 1."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self._choices = [parameter_text(choice) for choice in parameter.choices] if not _is_ranged(parameter) else []
        is_log = parameter.scale is Scale.LOG
        self._span = Span([parameter.min or 0.0, parameter.max or 0.0], is_log=is_log)

    def place(self, value: Scalar | None) -> float:
        """Return where a value stands; below all others where the trial has none."""
        if value is None:
            return ABSENT
        if self._choices:
            text = parameter_text(value)
            at = self._choices.index(text) if text in self._choices else 0
            return at / (len(self._choices) - 1) if len(self._choices) > 1 else 0.5
        return self._span.place(float(value)) if isinstance(value, int | float) else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Return what stands at the axis."""
        if not self._choices:
            return [(0.0, f"{self._span.low:g}"), (1.0, f"{self._span.high:g}")]
        shown = self._choices if len(self._choices) <= 8 else [self._choices[0], self._choices[-1]]
        return [(self.place(choice), choice) for choice in shown]


def _is_ranged(parameter: Parameter) -> bool:
    return parameter.type in RANGED


def _line(story: Story, trial: TrialState, axes: Sequence[Axis], scale: Span, total: int, rank: int) -> Json:
    values = trial.best.values if trial.best else trial.values
    value = story.best_value(trial) or 0.0
    texts = [f"{name} = {plain(parameter_text(given))}" for name, given in values.items()]
    hover = "<br>".join([f"{trial.name}: {story.objective.metric} {value:.6g}", *texts[:16]])
    part = 1 - rank / max(1, total - 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(len(axes) + 1)),
        "y": [*(round(axis.place(values.get(axis.parameter.name)), 4) for axis in axes), round(scale.place(value), 4)],
        "line": {
            "color": shade(part, 1.0 if rank == 0 else 0.25 + 0.6 * part**2),
            "width": 3 if rank == 0 else 1.3,
            "shape": "spline",
            "smoothing": 0.5,
        },
        "text": hover,
        "hoverinfo": "text",
    }


def _ends(columns: Sequence[str], axes: dict[str, Axis], scale: Span) -> list[Json]:
    """Return the words at the axes."""
    last = [(0.0, f"{scale.low:.4g}"), (1.0, f"{scale.high:.4g}")]
    return [
        {
            "x": index,
            "y": place,
            "text": plain(text, 12),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 4,
            "font": {"size": 10},
            "name": "tick",
        }
        for index, name in enumerate(columns)
        for place, text in (axes[name].ticks() if name in axes else last)
    ]


def slices(story: Story, order: Sequence[str]) -> list[Figure]:
    """Return one small figure a parameter: the objective over the parameter's values, later trials darker."""
    ranked = story.ranked
    if len(ranked) < 2:
        return []
    best = ranked[0]
    by_age = sorted(ranked, key=lambda trial: trial.name)
    drawn = telling(by_age, SLICE_DOTS, lambda trial: trial is best)
    parameters = {parameter.name: parameter for parameter in story.spec.parameters}
    note = said(len(drawn), len(ranked), "trials")
    return [
        _slice(story, parameters[name], drawn, best, f"slice-{index}", note)
        for index, name in enumerate(list(order)[:SLICES])
    ]


def _slice(
    story: Story, parameter: Parameter, trials: Sequence[TrialState], best: TrialState, key: str, note: str
) -> Figure:
    own = [
        (trial, trial.best.values[parameter.name])
        for trial in trials
        if trial.best and parameter.name in trial.best.values
    ]
    ages = {trial.name: index / max(1, len(trials) - 1) for index, trial in enumerate(trials)}
    values = [story.best_value(trial) or 0.0 for trial, _ in own]
    xs: list[object] = [given if _is_ranged(parameter) else plain(parameter_text(given), 24) for _, given in own]
    is_log = parameter.scale is Scale.LOG
    ranged = {"type": "log", "exponentformat": "e"} if is_log else {} if _is_ranged(parameter) else {"type": "category"}
    data: list[Json] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": xs,
            "y": values,
            "text": [f"{trial.name}: {plain(parameter_text(given))}" for trial, given in own],
            "hovertemplate": "%{text}<br>%{y:.6g}<extra></extra>",
            "marker": {
                "size": [13 if trial is best else 7 for trial, _ in own],
                "symbol": ["star" if trial is best else "circle" for trial, _ in own],
                "color": [shade(ages[trial.name]) for trial, _ in own],
                "opacity": 0.85,
            },
        }
    ]
    layout = {
        "xaxis": axis(parameter.name, **ranged),
        "yaxis": value_axis(story.objective, values),
        "showlegend": False,
        "hovermode": "closest",
    }
    return Figure(key, parameter.name, data, layout, note, height=260, is_small=True)


def importance(parts: dict[str, float]) -> list[Figure]:
    """Return the bars of parameters' importance, given as parts of 1 by name."""
    if not parts:
        return []
    ordered = sorted(parts, key=lambda name: parts[name])
    data: list[Json] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [round(parts[name], 4) for name in ordered],
            "y": [plain(name, 24) for name in ordered],
            "text": [f"{parts[name]:.0%}" for name in ordered],
            "textposition": "auto",
            "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
            "marker": {"color": [BLUE if parts[name] >= 0.1 else FAINT for name in ordered]},
        }
    ]
    layout = {
        "xaxis": axis("importance", tickformat=".0%", rangemode="tozero"),
        "yaxis": {"type": "category", "automargin": True},
    }
    return [Figure("importance", "Importance of parameters", data, layout, height=max(220, 60 + 26 * len(ordered)))]
