"""Learning curves: what each trial's objective did over its iterations, and where the scheduler compared them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from luthier.trial.report.figure import BLUE, FAINT, Figure, Json, axis, shade, value_axis
from luthier.trial.report.sampling import said, spread, telling
from luthier.trial.schedulers.asha import AshaScheduler
from luthier.trial.schedulers.rungs import whole_log
from luthier.trial.story import Point, Story
from luthier.trial.trial_state import TrialState

CURVES = 120
CURVE_POINTS = 150
RUNG_LINES = 12


def curves(story: Story) -> list[Figure]:
    """Return the learning curves, coloured by the rung that a trial reached, or else by its rank."""
    names = [name for name, points in story.points.items() if len(points) > 1]
    if not names:
        return []
    ranks = {trial.name: rank for rank, trial in enumerate(story.ranked)}
    ordered = sorted(names, key=lambda name: ranks.get(name, len(ranks)))
    drawn = [name for _, name in telling(list(enumerate(ordered)), CURVES, lambda place: place[0] < CURVES // 3)]
    rungs = rungs_of(story)
    data = [_curve(story, name, _look(story, name, rungs, ranks)) for name in reversed(drawn)]
    data += [_legend(f"rung {rung}", shade(_part(index, len(rungs)))) for index, rung in enumerate(rungs)]
    every = [point.values[0] for name in names for point in spread(story.points[name], CURVE_POINTS)]
    layout: Json = {
        "xaxis": axis("iteration", rangemode="tozero"),
        "yaxis": value_axis(story.objective, every),
        "hovermode": "closest",
        "showlegend": bool(rungs),
        "legend": {"orientation": "h", "y": 1.12},
        "shapes": [_rung_line(rung) for rung in rungs[:RUNG_LINES]],
    }
    note = (
        "Dotted lines are rungs, where trials were compared; the colour is the last rung reached, blue the best trial."
        if rungs
        else "The best trial is drawn bold; bright is better."
    )
    parts = [note, said(len(drawn), len(names), "trials")]
    return [Figure("curves", "Learning curves", data, layout, " ".join(filter(None, parts)), height=420)]


def rungs_of(story: Story) -> list[int]:
    """Return the iterations at which the scheduler compares trials, ascending; empty where it has no rungs."""
    scheduler, block = story.study.scheduler, story.spec.scheduler
    end = story.spec.budget.iterations_per_trial
    if isinstance(scheduler, AshaScheduler):
        return sorted({rung for bracket in scheduler.brackets for rung in bracket if end is None or rung < end})
    if block and block.hyperband and end:
        factor = block.hyperband.reduction_factor
        return sorted({end // factor**k for k in range(1, whole_log(end, factor) + 1)})
    return []


def rung_counts(story: Story) -> list[tuple[int, int, int]]:
    """Return, for each rung, its iteration, how many trials reached it and how many of them ended there."""
    reached = Counter[int]()
    rungs = rungs_of(story)
    for trial in story.trials:
        for rung in rungs:
            reached[rung] += trial.iteration >= rung
    ended = Counter[int]()
    for iteration, count in story.stops.items():
        at = bisect_right(rungs, iteration)
        if at:
            ended[rungs[at - 1]] += count
    return [(rung, reached[rung], ended[rung]) for rung in rungs]


def _part(index: int, count: int) -> float:
    return 1.0 if count < 2 else index / (count - 1)


def _look(story: Story, name: str, rungs: Sequence[int], ranks: dict[str, int]) -> Json:
    trial = story.study.trials[name]
    rank = ranks.get(name, len(ranks))
    is_best = rank == 0
    if rungs:
        index = bisect_right(rungs, trial.iteration) - 1
        colour = FAINT if index < 0 else shade(_part(index, len(rungs)), 0.7)
    else:
        colour = shade(1 - rank / max(1, len(ranks) - 1), 0.7) if name in ranks else FAINT
    return {"line": {"color": BLUE if is_best else colour, "width": 3.5 if is_best else 1.4}}


def _curve(story: Story, name: str, look: Json) -> Json:
    points: Sequence[Point] = spread(story.points[name], CURVE_POINTS)
    trial: TrialState = story.study.trials[name]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [point.iteration for point in points],
        "y": [point.values[0] for point in points],
        "hovertemplate": f"{name} ({trial.state.value.lower()}), iteration %{{x}}<br>%{{y:.6g}}<extra></extra>",
        "showlegend": False,
        **look,
    }


def _legend(name: str, colour: str) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [None],
        "y": [None],
        "line": {"color": colour, "width": 4},
    }


def _rung_line(rung: int) -> Json:
    line = {"color": FAINT, "dash": "dot", "width": 1.5}
    return {"type": "line", "yref": "paper", "x0": rung, "x1": rung, "y0": 0, "y1": 1, "line": line}
