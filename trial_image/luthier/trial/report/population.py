"""Who learnt what from whom: the lineage of population based training, and the schedules that came of it."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.api.parameters import Parameter, Scalar, Scale
from luthier.api.status import Exploit
from luthier.trial.lineage import BrokenLineage, Stretch, ancestry, schedule_of
from luthier.trial.records import TrialReported
from luthier.trial.report.figure import BLUE, FAINT, GREY, ORANGE, Figure, Json, axis, plain
from luthier.trial.report.sampling import said, telling
from luthier.trial.reporting import as_exploit, result_of
from luthier.trial.story import Story, parameter_text
from luthier.trial.trial_state import TrialState

MEMBERS = 60
COPIES = 400
SCHEDULES = 12
MEMBER_LINES = 60


def lineage(story: Story) -> list[Figure]:
    """Return the tree of copies: a line a member, an arrow from the donor to whoever went on from its weights."""
    copies = story.study.exploits
    if not copies:
        return []
    own = {(record.trial, record.iteration) for record in winners_copies(story)}
    chosen = telling(copies, COPIES, lambda record: (record.trial, record.iteration) in own)
    involved = {name for record in chosen for name in (record.trial, record.exploit.donor if record.exploit else "")}
    members = telling(story.trials, MEMBERS, lambda trial: trial.name in involved)
    rows = {trial.name: row for row, trial in enumerate(members)}
    drawn = [record for record in chosen if record.trial in rows and record.exploit and record.exploit.donor in rows]
    life = _life(story)
    data = [
        _members(members, rows),
        _bows([record for record in drawn if (record.trial, record.iteration) not in own], rows, is_winners=False),
        _winners_life(life, rows),
        _bows([record for record in drawn if (record.trial, record.iteration) in own], rows, is_winners=True),
    ]
    layout: Json = {
        "xaxis": axis("iteration", rangemode="tozero"),
        "yaxis": {
            "tickvals": list(rows.values()),
            "ticktext": list(rows),
            "autorange": "reversed",
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.1},
    }
    parts = [
        "A line is a member; an arrow is a copy, from whose weights were taken to who went on with them. "
        "Orange is the way that the winner's weights have come.",
        said(len(members), len(story.trials), "members"),
        said(len(drawn), len(copies), "copies"),
    ]
    height = max(260, 110 + 24 * len(members))
    return [Figure("lineage", "Lineage", data, layout, " ".join(filter(None, parts)), height=height)]


def winners_copies(story: Story) -> list[TrialReported]:
    """Return the copies that the best trial's weights descend from, oldest first; none where they contradict."""
    if not story.ranked:
        return []
    by_copy = {_key(as_exploit(record)): record for record in story.study.exploits}
    try:
        found = ancestry(result_of(story.ranked[0], story.spec), [as_exploit(r) for r in story.study.exploits])
    except BrokenLineage:
        return []
    return [by_copy[_key(copy)] for copy in reversed(found)]


def schedule(story: Story) -> tuple[Stretch, ...]:
    """Return the stretches that the winner's weights lived through, oldest first."""
    if not story.ranked:
        return ()
    try:
        return schedule_of(result_of(story.ranked[0], story.spec), [as_exploit(r) for r in story.study.exploits])
    except BrokenLineage:
        return ()


def schedules(story: Story) -> list[Figure]:
    """Return each changed parameter's values over the iterations: every member's, and the winner's way."""
    changed = {name for record in story.study.exploits if record.exploit for name in record.exploit.changed}
    stretches = schedule(story)
    parameters = [parameter for parameter in story.spec.parameters if parameter.name in changed]
    if not stretches or not parameters:
        return []
    winner = story.ranked[0]
    shown = telling(story.trials, MEMBER_LINES, lambda trial: trial is winner)
    note = said(len(shown), len(story.trials), "members")
    return [
        _schedule(story, parameter, shown, stretches, f"schedule-{index}", note)
        for index, parameter in enumerate(parameters[:SCHEDULES])
    ]


def _key(copy: Exploit) -> tuple[str, int]:
    return copy.trial, copy.iteration


def _life(story: Story) -> list[tuple[str, int, int]]:
    """Return where the winner's weights lived: trial, first and last of the trial's own iterations; oldest first."""
    if not story.ranked or story.ranked[0].best is None:
        return []
    trial, last = story.ranked[0].name, story.ranked[0].best.iteration
    backwards: list[tuple[str, int, int]] = []
    for record in reversed(winners_copies(story)):
        backwards.append((trial, record.iteration, last))
        assert record.exploit is not None  # noqa: S101 - exploits hold one
        trial, last = record.exploit.donor, record.exploit.donor_iteration
    return [(trial, 0, last), *reversed(backwards)]


def _members(members: Sequence[TrialState], rows: dict[str, int]) -> Json:
    xs: list[int | None] = []
    ys: list[int | None] = []
    for trial in members:
        xs += [0, trial.iteration, None]
        ys += [rows[trial.name], rows[trial.name], None]
    line = {"color": FAINT, "width": 3}
    return {"type": "scatter", "mode": "lines", "name": "members", "x": xs, "y": ys, "line": line, "hoverinfo": "skip"}


def _winners_life(life: list[tuple[str, int, int]], rows: dict[str, int]) -> Json:
    xs: list[int | None] = []
    ys: list[int | None] = []
    for trial, first, last in life:
        if trial in rows:
            xs += [first, last, None]
            ys += [rows[trial], rows[trial], None]
    line = {"color": ORANGE, "width": 5}
    name = "the winner's weights"
    return {"type": "scatter", "mode": "lines", "name": name, "x": xs, "y": ys, "line": line, "hoverinfo": "skip"}


def _bows(records: Sequence[TrialReported], rows: dict[str, int], *, is_winners: bool) -> Json:
    xs: list[float | None] = []
    ys: list[float | None] = []
    texts: list[str] = []
    for record in records:
        step = record.exploit
        assert step is not None  # noqa: S101 - exploits hold one
        changes = [
            f"{name}: {_text(pair[0])} → {_text(pair[1])}" for name, pair in step.changed.items() if len(pair) == 2
        ]
        words = f"{record.trial} at {record.iteration} from {step.donor} at {step.donor_iteration}"
        xs += [step.donor_iteration, record.iteration, None]
        ys += [rows[step.donor], rows[record.trial], None]
        texts += ["", "<br>".join([words, *(plain(change) for change in changes[:12])]), ""]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "copies of the winner" if is_winners else "other copies",
        "x": xs,
        "y": ys,
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": ORANGE if is_winners else BLUE, "width": 2.5 if is_winners else 1.2},
        "marker": {"size": 9 if is_winners else 6, "symbol": "arrow", "angleref": "previous"},
        "opacity": 1 if is_winners else 0.6,
    }


def _text(value: Scalar | None) -> str:
    return "absent" if value is None else parameter_text(value)


def _schedule(
    story: Story, parameter: Parameter, trials: Sequence[TrialState], stretches: Sequence[Stretch], key: str, note: str
) -> Figure:
    is_ranged = parameter.type.value in ("Double", "Integer", "Discrete")
    data = [_member_schedule(story, parameter, trial) for trial in trials]
    xs: list[int] = []
    ys: list[object] = []
    for stretch in stretches:
        value = stretch.parameters.get(parameter.name)
        xs += [stretch.first_iteration - 1, stretch.last_iteration]
        ys += [value if is_ranged or value is None else plain(parameter_text(value))] * 2
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "winner",
            "x": xs,
            "y": ys,
            "line": {"color": ORANGE, "width": 3.5, "shape": "hv"},
            "hovertemplate": "the winner's: %{y} at iteration %{x}<extra></extra>",
        }
    )
    kind = (
        {"type": "log", "exponentformat": "e"}
        if parameter.scale is Scale.LOG
        else {}
        if is_ranged
        else {"type": "category"}
    )
    layout = {
        "xaxis": axis("iteration", rangemode="tozero"),
        "yaxis": axis(parameter.name, **kind),
        "showlegend": False,
        "hovermode": "closest",
    }
    return Figure(key, parameter.name, data, layout, note, height=260, is_small=True)


def _member_schedule(story: Story, parameter: Parameter, trial: TrialState) -> Json:
    """Return a member's own values: they change where it copied."""
    is_ranged = parameter.type.value in ("Double", "Integer", "Discrete")
    copies = [record for record in story.study.exploits if record.trial == trial.name and record.exploit]
    value: Scalar | None = story.first_values.get(trial.name, trial.values).get(parameter.name)
    xs, ys = [0], [value]
    for record in copies:
        assert record.exploit is not None  # noqa: S101 - exploits hold one
        value = record.exploit.values.get(parameter.name)
        xs.append(record.iteration)
        ys.append(value)
    xs.append(trial.iteration)
    ys.append(value)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": trial.name,
        "x": xs,
        "y": ys if is_ranged else [None if y is None else plain(parameter_text(y)) for y in ys],
        "line": {"color": GREY, "width": 1, "shape": "hv"},
        "opacity": 0.5,
        "hovertemplate": f"{trial.name}: %{{y}} at iteration %{{x}}<extra></extra>",
    }
