"""How good it became, and when: every trial's best result, and the best so far."""

from __future__ import annotations

from luthier.api.experiment import Direction, Objective
from luthier.trial.report.figure import BLUE, FAINT, GREEN, GREY, ORANGE, RED, Figure, Json, axis, value_axis
from luthier.trial.report.sampling import climbing, said, telling
from luthier.trial.story import Point, Story
from luthier.trial.trial_state import State

DOTS = 1500
STEPS = 1000
COLOURS = {
    State.SUCCEEDED: GREEN,
    State.STOPPED: ORANGE,
    State.FAILED: RED,
    State.RUNNING: BLUE,
    State.PAUSED: GREY,
    State.WAITING: GREY,
}


def histories(story: Story) -> list[Figure]:
    """Return the history of each objective."""
    objectives = story.spec.objectives
    return [_history(story, index, objective) for index, objective in enumerate(objectives) if story.points]


def _history(story: Story, index: int, objective: Objective) -> Figure:
    is_max = objective.direction is Direction.MAXIMIZE

    def best_of(points: list[Point]) -> Point:
        return (max if is_max else min)(points, key=lambda point: point.values[index])

    bests = {name: best_of(points) for name, points in story.points.items()}
    steps = _steps(story, index, is_max)
    records = {(point.time, name) for name, point in steps}
    ordered = sorted(bests, key=lambda name: bests[name].time)
    drawn = telling(ordered, DOTS, lambda name: (bests[name].time, name) in records)
    data = [
        _dots(story, state, [name for name in drawn if story.study.trials[name].state is state], bests, index)
        for state in State
    ]
    line = telling(steps, STEPS, lambda step: step is steps[-1])
    data.append(_best_line(story, [point for _, point in line], index))
    values = [point.values[index] for point in bests.values()]
    layout: Json = {
        "xaxis": axis(f"{story.clock.name} since the start", rangemode="tozero"),
        "yaxis": value_axis(objective, values),
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.12},
    }
    if objective.target is not None:
        layout["shapes"] = [_target(objective.target)]
    note = "Each dot is a trial at its best result; the line is the best so far."
    if objective.target is not None:
        note += " Dotted: the target."
    return Figure(
        key=f"history-{index}",
        title=objective.metric,
        data=[trace for trace in data if trace["x"]],
        layout=layout,
        note=" ".join(filter(None, [note, said(len(drawn), len(bests), "trials")])),
        height=400,
    )


def _steps(story: Story, index: int, is_max: bool) -> list[tuple[str, Point]]:
    """Return the results that were better than all before them."""
    counted = [name for name in story.points if story.study.trials[name].has_result]
    every = sorted(((name, point) for name in counted for point in story.points[name]), key=lambda pair: pair[1].time)
    better = (lambda one, other: one > other) if is_max else (lambda one, other: one < other)
    return [every[at] for at in climbing((point.values[index] for _, point in every), better)]


def _dots(story: Story, state: State, names: list[str], bests: dict[str, Point], index: int) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state.value,
        "x": [story.since_start(bests[name].time) for name in names],
        "y": [bests[name].values[index] for name in names],
        "text": [f"{name}, iteration {bests[name].iteration}" for name in names],
        "hovertemplate": "%{text}<br>%{y:.6g} after %{x:.4~g} " + f"{story.clock.short}<extra></extra>",
        "marker": {"color": COLOURS[state], "size": 7, "opacity": 0.75},
    }


def _best_line(story: Story, points: list[Point], index: int) -> Json:
    ends = [story.since_start(story.now)] if points else []
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": [*(story.since_start(point.time) for point in points), *ends],
        "y": [*(point.values[index] for point in points), *(points[-1].values[index] for _ in ends)],
        "hovertemplate": "best so far %{y:.6g}<extra></extra>",
        "line": {"shape": "hv", "color": BLUE, "width": 2.5},
    }


def _target(value: float) -> Json:
    line = {"color": FAINT, "dash": "dot", "width": 2}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line}
