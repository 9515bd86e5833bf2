"""Rules that join blocks of the spec: what an algorithm or a scheduler cannot do is refused here.

Which algorithm refuses what comes from the catalogue, for both judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from luthier.api.catalogue import ALGORITHMS, SCHEDULERS, AlgorithmPage, SchedulerPage
from luthier.api.parameters import CHOOSABLE, RANGED, Parameter, ParameterType, Scale, as_choice
from luthier.api.rules import EVERYWHERE_BUT_ADMISSION, Place, Rule
from luthier.api.scheduling import Change


def algorithms_that(predicate: Callable[[AlgorithmPage], bool]) -> list[str]:
    """Return the names of the algorithms whose page says so."""
    return [name.value for name, page in ALGORITHMS.items() if predicate(page)]


def schedulers_that(predicate: Callable[[SchedulerPage], bool]) -> list[str]:
    """Return the names of the scheduler blocks whose page says so."""
    return [kind.value for kind, page in SCHEDULERS.items() if kind.value != "none" and predicate(page)]


def spoken(names: list[str]) -> str:
    """Return names as a sentence lists them: `a, b or c`."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _uses(blocks: list[str]) -> str:
    """CEL: one of these scheduler blocks is set."""
    return "(has(self.scheduler) && (" + " || ".join(f"has(self.scheduler.{block})" for block in blocks) + "))"


_NO_CONDITIONS = algorithms_that(lambda page: not page.conditional)
_NO_CONTINUUM = algorithms_that(lambda page: not page.continuous)
_NO_CHOICES = algorithms_that(lambda page: not page.unordered)
_ONE_GOAL = schedulers_that(lambda page: page.max_objectives == 1)
_ONE_OBJECTIVE = algorithms_that(lambda page: page.max_objectives == 1)
_CONDITIONAL = algorithms_that(lambda page: page.conditional)
_NEED_ITERATIONS = schedulers_that(lambda page: page.needs_iterations)
_NEED_COMPANY = schedulers_that(lambda page: page.min_parallel > 1)
_NEED_CHECKPOINTS = schedulers_that(lambda page: page.needs_checkpoints)
_NEED_NO_CHECKPOINTS = schedulers_that(lambda page: not page.needs_checkpoints)
_ONLY_RANGED = schedulers_that(lambda page: page.only_ranged)


def _names_an_earlier_choice(parameters: list[Parameter], index: int) -> bool:
    when = parameters[index].when
    return when is None or any(p.name == when.parameter and p.type in CHOOSABLE for p in parameters[:index])


def _lists_its_values(parameters: list[Parameter], index: int) -> bool:
    when = parameters[index].when
    return when is None or all(
        set(when.in_) <= {as_choice(value) for value in p.choices}
        for p in parameters
        if p.name == when.parameter and p.type in CHOOSABLE
    )


def _first_fault(parameters: list[Parameter], is_sound: Callable[[list[Parameter], int], bool]) -> int:
    return next(index for index in range(len(parameters)) if not is_sound(parameters, index))


def _misfits(parameters: list[Parameter], points: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield the index of the point and the name of every value that no trial can have."""
    known = {p.name: p for p in parameters}
    for index, point in enumerate(points):
        for name, value in point.values.items():
            if name not in known or not known[name].admits(value):
                yield index, name


def _initial_misfits(spec: Any) -> Iterator[Place]:
    for index, name in _misfits(spec.parameters, spec.search.initial_points):
        yield ("search", "initialPoints", index, "values", name)


def _scheduled(spec: Any) -> list[Change]:
    return spec.scheduler.replay.schedule if spec.scheduler and spec.scheduler.replay else []


def _scheduled_misfits(spec: Any) -> Iterator[Place]:
    for index, name in _misfits(spec.parameters, _scheduled(spec)):
        yield ("scheduler", "replay", "schedule", index, "values", name)


def _unset(spec: Any) -> Iterator[Place]:
    """Yield the place of each change that may let a parameter take part which no change has given a value yet."""
    given: dict[str, Any] = {}
    for index, change in enumerate(_scheduled(spec)):
        given |= change.values
        if any(_joins(parameter, change.values) and parameter.name not in given for parameter in spec.parameters):
            yield ("scheduler", "replay", "schedule", index, "values")


def _joins(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    when = parameter.when
    return when is not None and when.parameter in values and when.allows(values[when.parameter])


PARAMETER_RULES: tuple[Rule, ...] = (
    Rule(
        "parameters",
        "may not repeat a name",
        EVERYWHERE_BUT_ADMISSION,  # listType map holds this at the API server
        lambda s: len({p.name for p in s.parameters}) == len(s.parameters),
    ),
    Rule(
        "objectives",
        "may not repeat a metric",
        EVERYWHERE_BUT_ADMISSION,  # likewise
        lambda s: len({o.metric for o in s.objectives}) == len(s.objectives),
    ),
    Rule(
        "parameters",
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        # The first of the two in the list is the earlier one; indexOf would cost more than the API server allows.
        "self.parameters.all(p, !has(p.when) || (p.when.parameter != p.name && "
        "self.parameters.exists(q, q.name == p.when.parameter && q.type in ['Categorical', 'Boolean']) && "
        "self.parameters.filter(q, q.name == p.name || q.name == p.when.parameter)[0].name == p.when.parameter))",
        lambda s: all(_names_an_earlier_choice(s.parameters, i) for i in range(len(s.parameters))),
        lambda s: ("parameters", _first_fault(s.parameters, _names_an_earlier_choice), "when", "parameter"),
    ),
    Rule(
        "parameters",
        "may list in `when.in` only values of the parameter that `when.parameter` names",
        "self.parameters.all(p, !has(p.when) || self.parameters.all(q, q.name != p.when.parameter || "
        "(q.type == 'Boolean' ? p.when.__in__.all(v, v in ['true', 'false']) : "
        "!has(q.values) || p.when.__in__.all(v, v in q.values))))",
        lambda s: all(_lists_its_values(s.parameters, i) for i in range(len(s.parameters))),
        lambda s: ("parameters", _first_fault(s.parameters, _lists_its_values), "when", "in"),
    ),
    Rule(
        "search.initialPoints",
        "may set only parameters by their names, to values that they can take",
        EVERYWHERE_BUT_ADMISSION,  # the values are of any type, which CEL cannot look into
        lambda s: next(_initial_misfits(s), None) is None,
        lambda s: next(_initial_misfits(s)),
    ),
)

ALGORITHM_RULES: tuple[Rule, ...] = (
    Rule(
        "search.algorithm",
        f"must be {spoken(_CONDITIONAL)} when a parameter has `when`",
        f"!(self.search.algorithm in {_NO_CONDITIONS}) || !self.parameters.exists(p, has(p.when))",
        lambda s: ALGORITHMS[s.search.algorithm].conditional or all(p.when is None for p in s.parameters),
    ),
    Rule(
        "search.algorithm",
        f"may be {spoken(_NO_CONTINUUM)} only when every Double parameter has `step` and none has `scale: Log`",
        f"!(self.search.algorithm in {_NO_CONTINUUM}) || "
        "self.parameters.all(p, (p.type != 'Double' || has(p.step)) && p.scale != 'Log')",
        lambda s: (
            ALGORITHMS[s.search.algorithm].continuous
            or all(
                (p.type is not ParameterType.DOUBLE or p.step is not None) and p.scale is not Scale.LOG
                for p in s.parameters
            )
        ),
    ),
    Rule(
        "search.algorithm",
        f"may be {spoken(_NO_CHOICES)} only when every parameter is Double, Integer or Discrete",
        f"!(self.search.algorithm in {_NO_CHOICES}) || self.parameters.all(p, !(p.type in ['Categorical', 'Boolean']))",
        lambda s: ALGORITHMS[s.search.algorithm].unordered or all(p.type not in CHOOSABLE for p in s.parameters),
    ),
    Rule(
        "objectives",
        f"must hold a single metric when `search.algorithm` is {spoken(_ONE_OBJECTIVE)}",
        f"!(self.search.algorithm in {_ONE_OBJECTIVE}) || self.objectives.size() == 1",
        lambda s: len(s.objectives) <= ALGORITHMS[s.search.algorithm].max_objectives,
    ),
)

SCHEDULER_RULES: tuple[Rule, ...] = (
    Rule(
        "objectives",
        f"must hold a single metric when `scheduler` is {spoken(_ONE_GOAL)}",
        f"!{_uses(_ONE_GOAL)} || self.objectives.size() == 1",
        lambda s: len(s.objectives) <= SCHEDULERS[s.scheduler_kind].max_objectives,
    ),
    Rule(
        "budget.iterationsPerTrial",
        f"must be set when `scheduler` is {spoken(_NEED_ITERATIONS)}",
        f"!{_uses(_NEED_ITERATIONS)} || has(self.budget.iterationsPerTrial)",
        lambda s: not SCHEDULERS[s.scheduler_kind].needs_iterations or s.budget.iterations_per_trial is not None,
    ),
    Rule(
        "budget.parallelTrials",
        f"must be at least 2 when `scheduler` is {spoken(_NEED_COMPANY)}",
        f"!{_uses(_NEED_COMPANY)} || self.budget.parallelTrials >= 2",
        lambda s: s.budget.parallel_trials >= SCHEDULERS[s.scheduler_kind].min_parallel,
    ),
    Rule(
        "scheduler.asha.gracePeriod",
        "must be smaller than `budget.iterationsPerTrial`",
        "!has(self.scheduler) || !has(self.scheduler.asha) || !has(self.budget.iterationsPerTrial) || "
        "self.scheduler.asha.gracePeriod < self.budget.iterationsPerTrial",
        lambda s: (
            s.scheduler is None
            or s.scheduler.asha is None
            or s.budget.iterations_per_trial is None
            or s.scheduler.asha.grace_period < s.budget.iterations_per_trial
        ),
    ),
    Rule(
        "scheduler",
        f"may be {spoken(_ONLY_RANGED)} only when every parameter is Double or Integer, without `when`",
        f"!{_uses(_ONLY_RANGED)} || self.parameters.all(p, p.type in ['Double', 'Integer'] && !has(p.when))",
        lambda s: (
            not SCHEDULERS[s.scheduler_kind].only_ranged
            or all(p.type in RANGED and p.when is None for p in s.parameters)
        ),
    ),
    Rule(
        "scheduler",
        f"may be {spoken(_NEED_CHECKPOINTS)} only with `trial.function`, since these move checkpoints; "
        f"a `trial.command` takes {spoken(_NEED_NO_CHECKPOINTS)}",
        f"!{_uses(_NEED_CHECKPOINTS)} || has(self.trial.function)",
        lambda s: not SCHEDULERS[s.scheduler_kind].needs_checkpoints or s.trial.function is not None,
    ),
    Rule(
        "scheduler.replay.schedule",
        "may set only parameters by their names, to values that they can take",
        EVERYWHERE_BUT_ADMISSION,  # the values are of any type, which CEL cannot look into
        lambda s: next(_scheduled_misfits(s), None) is None,
        lambda s: next(_scheduled_misfits(s)),
    ),
    Rule(
        "scheduler.replay.schedule",
        "must set each parameter whose `when` a change of another fulfils",
        EVERYWHERE_BUT_ADMISSION,  # likewise
        lambda s: next(_unset(s), None) is None,
        lambda s: next(_unset(s)),
    ),
)

BUDGET_RULES: tuple[Rule, ...] = (
    Rule(
        "budget.parallelTrials",
        "must not be greater than `budget.trials`",
        "self.budget.parallelTrials <= self.budget.trials",
        lambda s: s.budget.parallel_trials <= s.budget.trials,
    ),
    Rule(
        "budget.gpuHours",
        "may be set only when `trial.resources.gpu` is greater than 0",
        "!has(self.budget.gpuHours) || self.trial.resources.gpu > 0.0",
        lambda s: s.budget.gpu_hours is None or s.trial.resources.gpu > 0,
    ),
)

SPEC_RULES: tuple[Rule, ...] = PARAMETER_RULES + ALGORITHM_RULES + SCHEDULER_RULES + BUDGET_RULES
"""Every rule over the whole spec, in the order in which they are read out."""
