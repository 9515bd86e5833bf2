"""What the driver's metrics page shows beyond its report: single trials, and how much of Ray is in use.

It is taken by the loop, between two steps, so that whoever scrapes never sees half a change; and it is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

from luthier.api.status import METRICS_SHOWN
from luthier.trial.search.searcher import Values
from luthier.trial.study import Study
from luthier.trial.trial_state import State, TrialState

TRIALS_SHOWN = 100

Use = tuple[float, float]
"""In all, and in use."""


@dataclass(frozen=True)
class TrialView:
    """One trial as it stands."""

    name: str
    iteration: int
    metrics: Mapping[str, float]
    """Of its last result; objectives first."""
    values: Values


@dataclass(frozen=True)
class Snapshot:
    """What there is to be seen at one moment."""

    trials: tuple[TrialView, ...] = ()
    """The running ones, then the best."""
    not_shown: int = 0
    """Trials that there is no room for."""
    resources: Mapping[str, Use] = field(default_factory=dict)
    """By Ray's name of them."""


def take(study: Study, resources: Mapping[str, Use], *, with_trials: bool) -> Snapshot:
    """Return what is to be seen of a study now; single trials only where they are asked for."""
    if not with_trials:
        return Snapshot(resources=dict(resources))
    names = dict.fromkeys(islice(chain(study.named(State.RUNNING), study.ranking), 2 * TRIALS_SHOWN))
    shown = [study.trials[name] for name in islice(names, TRIALS_SHOWN)]
    objectives = [objective.metric for objective in study.spec.objectives]
    views = tuple(_view(trial, objectives) for trial in shown)
    return Snapshot(views, len(study.trials) - len(views), dict(resources))


def _view(trial: TrialState, objectives: list[str]) -> TrialView:
    names = dict.fromkeys([*(name for name in objectives if name in trial.metrics), *sorted(trial.metrics)])
    metrics = {name: trial.metrics[name] for name in islice(names, METRICS_SHOWN)}
    return TrialView(trial.name, trial.iteration, metrics, dict(trial.values))
