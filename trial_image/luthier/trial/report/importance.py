"""Which parameters made the difference: Optuna's PED-ANOVA over the trials that gave a result."""

from __future__ import annotations

import copy
import warnings

import optuna
from optuna.trial import FrozenTrial, TrialState

from luthier.trial.exports.optuna_trials import DIRECTIONS, frozen_trials
from luthier.trial.report.sampling import telling
from luthier.trial.story import Story

TRIALS = 1000
"""More take longer and say nothing new."""
ENOUGH = 8
"""Among fewer trials there is always something to be found."""


def importances(story: Story) -> dict[str, float]:
    """Return each parameter's part in what made trials good, largest first; empty where nothing can be said."""
    ranked = story.ranked
    if len(ranked) < ENOUGH or len({story.best_value(trial) for trial in ranked}) < 2:
        return {}
    chosen = [trial for _, trial in telling(list(enumerate(ranked)), TRIALS, lambda place: place[0] < TRIALS // 4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction=DIRECTIONS[story.objective.direction])
        study.add_trials([_complete(trial) for trial in frozen_trials(story, only=chosen) if trial.values])
        try:
            found = optuna.importance.get_param_importances(study)
        except (RuntimeError, ValueError):  # a space of one point
            return {}
    return {name: float(part) for name, part in found.items()}


def by_importance(story: Story, parts: dict[str, float]) -> list[str]:
    """Return the names of all parameters, the most important first, the unjudged last."""
    names = [parameter.name for parameter in story.spec.parameters]
    return sorted(names, key=lambda name: (-parts.get(name, -1.0), names.index(name)))


def _complete(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial as if its best result of the primary objective were its only one."""
    changed = copy.copy(trial)
    changed.values = trial.values[:1]
    changed.state = TrialState.COMPLETE
    return changed
