"""An experiment as Optuna's own finished trials: for importances, and for whoever opens it with Optuna's tools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from luthier.api.experiment import Direction, Spec
from luthier.api.parameters import RANGED, Parameter, ParameterType, Scale
from luthier.trial.story import Story
from luthier.trial.trial_state import State
from luthier.trial.trial_state import TrialState as Trial

TRIAL = "luthier:trial"
"""User attribute of a trial: its name here."""
DIRECTIONS = {Direction.MAXIMIZE: StudyDirection.MAXIMIZE, Direction.MINIMIZE: StudyDirection.MINIMIZE}


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return a parameter's range as Optuna knows it; what is chosen from a list is categorical."""
    if parameter.type not in RANGED or parameter.min is None or parameter.max is None:
        return CategoricalDistribution(list(parameter.choices))
    is_log = parameter.scale is Scale.LOG
    if parameter.type is ParameterType.INTEGER:
        return IntDistribution(int(parameter.min), int(parameter.max), log=is_log, step=int(parameter.step or 1))
    return FloatDistribution(parameter.min, parameter.max, log=is_log, step=parameter.step)


def directions(spec: Spec) -> list[StudyDirection]:
    """Return which way is better, objective by objective."""
    return [DIRECTIONS[objective.direction] for objective in spec.objectives]


def frozen_trials(story: Story, *, only: Sequence[Trial] | None = None) -> list[FrozenTrial]:
    """Return an experiment's trials, or only some, as Optuna's.

    A complete one has its best result as its value, one that the scheduler stopped is pruned with every result of the
    primary objective beside it, a failed one has failed. Parameters are those of its best result.
    """
    spaces = {parameter.name: distribution(parameter) for parameter in story.spec.parameters}
    first = {run.trial: run.start for run in reversed(story.runs)}
    last = {run.trial: run.end for run in story.runs}
    chosen = story.trials if only is None else only
    return [
        _frozen(story, trial, number, spaces, first.get(trial.name), last.get(trial.name))
        for number, trial in enumerate(chosen)
    ]


def _frozen(
    story: Story,
    trial: Trial,
    number: int,
    spaces: dict[str, BaseDistribution],
    start: float | None,
    end: float | None,
) -> FrozenTrial:
    state = _state(trial, len(story.spec.objectives))
    given = trial.best.values if trial.best else trial.values
    params = {name: given[name] for name in spaces if name in given and _holds(spaces[name], given[name])}
    values = [trial.best.metrics[o.metric] for o in story.spec.objectives] if trial.best else None
    has_values = state in (TrialState.COMPLETE, TrialState.PRUNED) and values is not None
    points = story.points.get(trial.name, []) if len(story.spec.objectives) == 1 else []
    began = _moment(start if start is not None else story.started)
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=None,
        values=values if has_values else None,
        datetime_start=None if state is TrialState.WAITING else began,
        datetime_complete=_moment(end if end is not None else story.now) if state.is_finished() else None,
        params={} if state is TrialState.WAITING else params,
        distributions={} if state is TrialState.WAITING else {name: spaces[name] for name in params},
        user_attrs={TRIAL: trial.name, "luthier:state": trial.state.value},
        system_attrs={},
        intermediate_values={point.iteration: point.values[0] for point in points},
    )


def _state(trial: Trial, objectives: int) -> TrialState:
    if trial.state is State.FAILED and not trial.has_result:
        return TrialState.FAIL
    if trial.state is State.SUCCEEDED or (trial.state is State.FAILED and trial.has_result):
        return TrialState.COMPLETE
    if trial.state is State.STOPPED:
        if not trial.has_result:
            return TrialState.FAIL
        return TrialState.PRUNED if objectives == 1 else TrialState.COMPLETE
    return TrialState.RUNNING if trial.state is not State.WAITING else TrialState.WAITING


def _holds(space: BaseDistribution, value: object) -> bool:
    """Tell whether a value is one of a distribution's own: explore may have left a grid of steps."""
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    return isinstance(value, int | float) and math.isfinite(value) and bool(space._contains(float(value)))  # noqa: SLF001


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone().replace(tzinfo=None)
