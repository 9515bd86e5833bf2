"""One adapter between a searcher's history and Optuna's samplers.

The study lives in memory and is rebuilt from the history, so nothing is ever pickled to storage. Each suggestion gets
a fresh sampler with a seed of its own: what a sampler knows is then exactly the study's trials, and remembering a
suggestion costs no run of its model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from luthier.api.experiment import Direction, Spec
from luthier.api.parameters import Parameter, ParameterType, Scalar, Scale
from luthier.trial.search.history import HistorySearcher
from luthier.trial.search.searcher import Ended, Ending, Values
from luthier.trial.search.space import bounds_of, index_of, size, value_at

optuna.logging.set_verbosity(optuna.logging.ERROR)  # the driver says what was suggested; Optuna need not

DIRECTIONS = {Direction.MINIMIZE: StudyDirection.MINIMIZE, Direction.MAXIMIZE: StudyDirection.MAXIMIZE}
UNORDERED = (ParameterType.CATEGORICAL, ParameterType.BOOLEAN)


class ModelSearcher(HistorySearcher):
    """Suggests by an Optuna sampler.

    Args:
        spec: what to tune.
        sampler: makes the sampler of one suggestion from its seed.
        replays: whether the sampler keeps a state of its own in the study's trials, which only asking it again builds.
        heeds_pruned: whether the sampler learns from pruned trials, too, and takes one without a value for the worst.
    """

    def __init__(
        self, spec: Spec, sampler: Callable[[int], BaseSampler], *, replays: bool = False, heeds_pruned: bool = False
    ) -> None:
        super().__init__(spec)
        self._sampler = sampler
        self._replays = replays
        self._heeds_pruned = heeds_pruned
        self._directions = [DIRECTIONS[objective.direction] for objective in spec.objectives]
        self._begin()

    def _begin(self) -> None:
        self._asked: dict[int, optuna.Trial] = {}
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(storage=self._storage, directions=self._directions)
        self._worst: tuple[float, ...] = ()
        self._is_outdated = False

    def _propose(self, given: Values) -> Values:
        if self._is_outdated:
            self._begin()
            self._live_again()
        return self._ask(given, self._fresh())

    def _accept(self, values: Values) -> None:
        self._ask(values, self._fresh() if self._replays else RandomSampler(seed=0))

    def _learn(self, number: int, ended: Ended) -> None:
        """Tell the model; what was stopped early is pruned at its iteration, never complete."""
        asked = self._asked.pop(number)
        if ended.ending is Ending.INFEASIBLE:
            self._learn_infeasible(asked)
            return
        self._worst = self._worse(self._worst, ended.values)
        if ended.ending is Ending.COMPLETED:
            self._study.tell(asked, list(ended.values))
        elif ended.ending is Ending.STOPPED and len(ended.values) == 1:
            asked.report(ended.values[0], step=ended.iteration)
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, state=TrialState.FAIL)

    def _learn_infeasible(self, asked: optuna.Trial) -> None:
        """Tell the model to keep away, which no sampler learns from a failure: by the worst of all values so far."""
        if self._heeds_pruned:
            self._study.tell(asked, state=TrialState.PRUNED)
        elif self._worst:
            self._study.tell(asked, list(self._worst))
        else:
            self._study.tell(asked, state=TrialState.FAIL)

    def _worse(self, one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
        """Return the worse value of each objective; without values on one side, those of the other."""
        pairs = zip(self._directions, zip(one, other, strict=True), strict=True) if one and other else ()
        return tuple(max(p) if way is StudyDirection.MINIMIZE else min(p) for way, p in pairs) or one or other

    def _unlearn(self) -> None:
        """What a study was told it was told for good: a new one is made, once it is asked again."""
        self._is_outdated = True

    def _fresh(self) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self._sampler(self._next_seed())

    def _ask(self, given: Values, sampler: BaseSampler) -> Values:
        """Ask the study for a trial whose given values are fixed and whose others the sampler chooses."""
        if given:
            self._study.enqueue_trial({name: _encoded(self._space[name], value) for name, value in given.items()})
        self._study.sampler = sampler
        asked = self._study.ask()
        if self._replays:
            _ = asked.relative_params  # asked for even when every value is given, so that a replay does the same
        values = Values()
        for parameter in self._space.active(values):
            values[parameter.name] = _suggested(asked, parameter)
        self._forget_relative_params(asked)
        self._asked[self._next] = asked
        return values

    def _forget_relative_params(self, asked: optuna.Trial) -> None:
        """Leave of a pending trial only what it really runs.

        TPE and GP note beside a pending trial what they proposed for all parameters, also those that turned out not
        to take part; a remembered trial has no such note, and the two must look the same to the next suggestion.
        """
        for name in self._storage.get_trial_system_attrs(asked._trial_id):  # noqa: SLF001 - no public name
            if ":relative_params" in name:
                self._storage.set_trial_system_attr(asked._trial_id, name, "")  # noqa: SLF001


def _suggested(asked: optuna.Trial, parameter: Parameter) -> Scalar:
    if parameter.type in UNORDERED:
        return value_at(parameter, asked.suggest_categorical(parameter.name, range(len(parameter.choices))))
    count = _index_count(parameter)
    if count is not None:
        return value_at(parameter, asked.suggest_int(parameter.name, 0, count - 1))
    low, high, _ = bounds_of(parameter)
    is_log = parameter.scale is Scale.LOG
    if parameter.type is ParameterType.INTEGER:
        return asked.suggest_int(parameter.name, int(low), int(high), log=is_log)
    return asked.suggest_float(parameter.name, low, high, log=is_log)


def _encoded(parameter: Parameter, value: Scalar) -> Scalar:
    """Return a value as the study knows it: the index, wherever values are counted."""
    return value if _index_count(parameter) is None else index_of(parameter, value)


def _index_count(parameter: Parameter) -> int | None:
    """Return how many indexes stand for a parameter in the study; None where the study knows its numbers themselves."""
    return size(parameter) if parameter.scale is Scale.LINEAR else None
