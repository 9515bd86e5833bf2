"""All that the page says in words and numbers, ready for the template: nothing is computed there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from luthier.api.experiment import Objective
from luthier.api.manifest import Experiment
from luthier.api.parameters import Scalar, as_choice
from luthier.trial.report import cost, curves, objective, pareto, population, space, workers
from luthier.trial.report.figure import Figure
from luthier.trial.report.importance import by_importance, importances
from luthier.trial.report.sampling import said
from luthier.trial.retention import nearest_to_best
from luthier.trial.story import Mishap, Story, Use, parameter_text
from luthier.trial.trial_state import State, TrialState

ROWS = 100
MISHAPS = 50
IMPORTANCE = "PED-ANOVA: how much each parameter tells the better trials from the others."
MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True)
class Tile:
    """One large number at the top."""

    name: str
    value: str
    more: str = ""


@dataclass(frozen=True)
class Row:
    """One trial in the table."""

    rank: str
    name: str
    state: str
    iteration: int
    values: tuple[str, ...]
    parameters: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    key: str
    title: str
    figures: Sequence[Figure] = ()
    note: str = ""


@dataclass(frozen=True)
class View:
    """The whole page."""

    name: str
    namespace: str
    state: str
    sentence: str
    is_live: bool
    tiles: Sequence[Tile]
    best_title: str
    best_values: Sequence[tuple[str, str]]
    best_parameters: Sequence[tuple[str, str]]
    best_args: str
    best_checkpoint: str
    stretches: Sequence[tuple[str, str, str]]
    sections: Sequence[Section]
    rungs: Sequence[tuple[int, int, int]]
    columns: Sequence[str]
    rows: Sequence[Row]
    rows_note: str
    mishaps: Sequence[Mishap]
    mishaps_note: str
    environment: Sequence[tuple[str, str]]
    manifest: str
    made: str
    figures: dict[str, Figure] = field(default_factory=dict)
    notice: str = ""
    """Of a served page: why it may not be the newest."""
    exports: Sequence[tuple[str, str, str]] = ()
    """Name, type and how it went."""


def view_of(story: Story) -> View:
    """Return the page of a story."""
    best = story.ranked[0] if story.ranked else None
    sections = _sections(story)
    checkpoint = nearest_to_best(best) if best else None
    shown = story.mishaps[-MISHAPS:]
    rows = _rows(story)
    metadata = story.experiment.metadata
    return View(
        name=metadata.name,
        namespace=metadata.namespace,
        state=_state(story),
        sentence=story.study.outcome.message if story.study.outcome else f"{_counts(story)}.",
        is_live=story.is_live,
        tiles=_tiles(story, best),
        best_title=f"{best.name}, iteration {best.best.iteration}" if best and best.best else "",
        best_values=_metrics(story, best),
        best_parameters=[(name, parameter_text(value)) for name, value in _best_values(best).items()],
        best_args=shlex.join(f"--{name}={as_choice(value)}" for name, value in _best_values(best).items()),
        best_checkpoint=checkpoint.checkpoint if checkpoint else "",
        stretches=_stretches(story),
        sections=sections,
        rungs=curves.rung_counts(story),
        columns=[p.name for p in story.spec.parameters],
        rows=rows,
        rows_note=said(len(rows), len(story.trials), "trials").replace("drawn", "listed"),
        mishaps=[_shortened(mishap) for mishap in reversed(shown)],
        mishaps_note=said(len(shown), len(story.mishaps), "bad ends, the latest,").replace("drawn", "listed"),
        environment=environment(story.experiment, story),
        manifest=json.dumps(story.experiment.to_json(), indent=2),
        made=moment(story.now),
        figures={figure.key: figure for section in sections for figure in section.figures},
    )


def moment(seconds: float) -> str:
    """Return a time as people write it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.3g} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def environment(experiment: Experiment, story: Story) -> list[tuple[str, str]]:
    """Return what would be needed to do it again: name and value."""
    spec = story.spec
    rows = [
        ("algorithm", spec.search.algorithm.value),
        ("seed", str(spec.search.seed)),
        ("scheduler", spec.scheduler_kind.value),
        ("trainable", spec.trial.function or shlex.join(spec.trial.command or [])),
        ("parallel trials", str(spec.budget.parallel_trials)),
        (
            "resources of a trial",
            _resources(spec.trial.resources.cpu, spec.trial.resources.gpu, spec.trial.resources.memory),
        ),
        ("attempts", str(len(story.attempts))),
        ("started", moment(story.started)),
        ("ended", "" if story.is_live else moment(story.now)),
        ("uid", experiment.metadata.uid),
    ]
    if spec.trial.image:
        rows.append(("image", spec.trial.image))
    if story.attempts:
        rows += [pair for pair in sorted(story.attempts[-1].environment.items()) if pair[0] not in dict(rows)]
    return [(name, value) for name, value in rows if value]


def _resources(cpu: float, gpu: float, memory: str | None) -> str:
    return ", ".join(filter(None, [f"{cpu:g} CPU", f"{gpu:g} GPU" if gpu else "", memory or ""]))


def _state(story: Story) -> str:
    outcome = story.study.outcome
    if outcome is None:
        return "Running" if story.trials else "Starting"
    return "Succeeded" if outcome.succeeded else "Failed"


def _counts(story: Story) -> str:
    counted = [(state, story.study.count(state)) for state in State]
    return ", ".join(f"{count} {state.value.lower()}" for state, count in counted if count) or "no trial yet"


def _tiles(story: Story, best: TrialState | None) -> list[Tile]:
    study, spec = story.study, story.spec
    tiles = [
        Tile(f"best {o.metric}", f"{best.best.metrics[o.metric]:.6g}" if best and best.best else "none", _aim(o))
        for o in spec.objectives
    ]
    uses = story.uses()
    seconds = study.trial_seconds(story.now)
    lost = uses[Use.FAILED] + uses[Use.LOST]
    total = sum(uses.values())
    tiles += [
        Tile("trials", f"{len(story.trials):,}", _counts(story)),
        Tile(
            "search",
            duration(study.running_seconds(story.now)),
            f"{len(story.attempts)} attempts" if len(story.attempts) > 1 else "",
        ),
        Tile("time of trials", duration(seconds), _gpu_hours(story, seconds)),
    ]
    if total:
        given_up = {"stopped early": uses[Use.STOPPED], "left for others' weights": uses[Use.EXPLOITED]}
        more = ", ".join(f"{part / total:.0%} {what}" for what, part in given_up.items() if part)
        more = f"and {more}" if more else "failed or lost"
        tiles.append(Tile("in vain", f"{lost / total:.0%}", more))
    busy = workers.busy_part(story)
    if busy is not None:
        tiles.append(Tile("workers busy", f"{busy:.0%}", "between first and last run"))
    return tiles


def _aim(goal: Objective) -> str:
    return f"{goal.direction.value.lower()}d" + (f", target {goal.target:g}" if goal.target is not None else "")


def _gpu_hours(story: Story, seconds: float) -> str:
    gpus = story.spec.trial.resources.gpu
    return f"{seconds * gpus / 3600:.3g} GPU-hours" if gpus else ""


def _best_values(best: TrialState | None) -> dict[str, Scalar]:
    return dict(best.best.values) if best and best.best else {}


def _metrics(story: Story, best: TrialState | None) -> list[tuple[str, str]]:
    if best is None or best.best is None:
        return []
    first = [o.metric for o in story.spec.objectives]
    names = first + sorted(best.best.metrics.keys() - set(first))
    return [(name, f"{best.best.metrics[name]:.6g}") for name in names[:24]]


def _stretches(story: Story) -> list[tuple[str, str, str]]:
    if not story.study.exploits:
        return []
    return [
        (
            f"{stretch.first_iteration}-{stretch.last_iteration}",
            stretch.trial,
            ", ".join(f"{name} = {parameter_text(value)}" for name, value in stretch.parameters.items()),
        )
        for stretch in population.schedule(story)
    ]


def _sections(story: Story) -> list[Section]:
    parts = importances(story)
    order = by_importance(story, parts)
    mattering = space.importance(parts)
    sections = [
        Section("history", "Objective over time", objective.histories(story)),
        Section("pareto", "Pareto front", pareto.fronts(story)),
        Section("curves", "Learning curves", curves.curves(story)),
        Section("lineage", "Population", population.lineage(story)),
        Section(
            "schedules",
            "Schedules of hyperparameters",
            population.schedules(story),
            "Orange is what the winner's weights lived through; grey are the members.",
        ),
        Section("parallel", "Parallel coordinates", space.parallel(story, order)),
        Section("importance", "Importance of parameters", mattering, IMPORTANCE),
        Section(
            "slices", "Slices", space.slices(story, order), "The star is the best trial; later trials are brighter."
        ),
        Section("workers", "Workers", workers.timeline(story)),
        Section("cost", "Cost", cost.spent(story)),
        Section("failures", "Failures", cost.failures(story)),
    ]
    return [section for section in sections if section.figures]


def _rows(story: Story) -> list[Row]:
    ranks = {trial.name: rank for rank, trial in enumerate(story.ranked)}
    ordered = sorted(story.trials, key=lambda trial: (ranks.get(trial.name, len(ranks)), trial.name))
    return [_row(story, trial, ranks.get(trial.name)) for trial in ordered[:ROWS]]


def _row(story: Story, trial: TrialState, rank: int | None) -> Row:
    values = trial.best.values if trial.best else trial.values
    seconds = trial.seconds + (max(0.0, story.now - trial.since) if trial.state is State.RUNNING else 0.0)
    return Row(
        rank="" if rank is None else str(rank + 1),
        name=trial.name,
        state=trial.state.value,
        iteration=trial.iteration,
        values=tuple(f"{trial.best.metrics[o.metric]:.6g}" if trial.best else "" for o in story.spec.objectives),
        parameters=tuple(parameter_text(values[p.name]) if p.name in values else "" for p in story.spec.parameters),
        seconds=round(seconds, 1),
    )


def _shortened(mishap: Mishap) -> Mishap:
    message = mishap.message
    if len(message) <= MESSAGE_CHARACTERS:
        return mishap
    return Mishap(mishap.time, mishap.who, mishap.cause, "…" + message[-MESSAGE_CHARACTERS:], mishap.what)
