"""The Pareto front: trials that no other one beats in every objective."""

from __future__ import annotations

from itertools import combinations

from luthier.trial.report.figure import FAINT, ORANGE, Figure, Json, value_axis
from luthier.trial.report.sampling import said, spread
from luthier.trial.reporting import front_of
from luthier.trial.story import Story
from luthier.trial.trial_state import TrialState

DOTS = 1000


def fronts(story: Story) -> list[Figure]:
    """Return one figure for each pair of objectives; none where there is only one."""
    objectives = story.spec.objectives
    front = front_of(story.study)
    if not front:
        return []
    names = {trial.name for trial in front}
    others = [trial for trial in story.ranked if trial.name not in names]
    drawn = spread(others, DOTS)
    note = "Orange: nothing is better in every objective. " + said(len(drawn), len(others), "other trials")
    return [
        Figure(
            key=f"pareto-{one}-{other}",
            title=f"{objectives[one].metric} and {objectives[other].metric}",
            data=[_dots(story, drawn, one, other, is_front=False), _dots(story, front, one, other, is_front=True)],
            layout={
                "xaxis": value_axis(objectives[one], _values(story, others + list(front), one)),
                "yaxis": value_axis(objectives[other], _values(story, others + list(front), other)),
                "hovermode": "closest",
                "legend": {"orientation": "h", "y": 1.12},
            },
            note=note.strip(),
            height=400,
        )
        for one, other in combinations(range(len(objectives)), 2)
    ]


def _values(story: Story, trials: list[TrialState], index: int) -> list[float]:
    metric = story.spec.objectives[index].metric
    return [trial.best.metrics[metric] for trial in trials if trial.best]


def _dots(story: Story, trials: list[TrialState], one: int, other: int, *, is_front: bool) -> Json:
    shown = sorted(trials, key=lambda trial: _values(story, [trial], one)) if is_front and story else trials
    return {
        "type": "scatter",
        "mode": "lines+markers" if is_front and len(story.spec.objectives) == 2 else "markers",
        "name": "front" if is_front else "other trials",
        "x": _values(story, shown, one),
        "y": _values(story, shown, other),
        "text": [trial.name for trial in shown],
        "hovertemplate": "%{text}<br>%{x:.6g}, %{y:.6g}<extra></extra>",
        "marker": {"color": ORANGE if is_front else FAINT, "size": 10 if is_front else 7},
        "line": {"color": ORANGE, "width": 1.5, "shape": "hv"},
    }
