"""The pages of truth are true: what the catalogue says is what admission accepts and what the algorithms do."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from luthier.api.catalogue import ALGORITHMS, SCHEDULERS, Algorithm, AlgorithmPage, SchedulerKind, SchedulerPage
from luthier.api.experiment import SearchSettings, Spec
from luthier.trial.schedulers import build as build_scheduler
from luthier.trial.search import BUILDERS, build
from luthier.trial.search.searcher import Ended, Ending, Values
from support.builders import (
    RUNNABLE_ALGORITHMS,
    Json,
    a_block,
    a_categorical,
    a_double,
    a_log_double,
    a_spec,
    an_integer,
    only_when,
)

WAYS = ("Maximize", "Minimize", "Maximize", "Minimize")
every_page = pytest.mark.parametrize("page", ALGORITHMS.values(), ids=lambda page: page.algorithm.value)
every_runnable = pytest.mark.parametrize("algorithm", RUNNABLE_ALGORITHMS)
every_scheduler = pytest.mark.parametrize("page", SCHEDULERS.values(), ids=lambda page: page.kind.value)


def is_admitted(*parameters: Json, algorithm: str, directions: tuple[str, ...] = ("Maximize",)) -> bool:
    try:
        a_spec(*parameters, algorithm=algorithm, directions=directions)
    except ValidationError:
        return False
    return True


def test_every_page_has_an_implementation() -> None:
    assert BUILDERS.keys() == ALGORITHMS.keys() == set(Algorithm)
    assert SCHEDULERS.keys() == set(SchedulerKind)


@every_page
def test_admission_asks_the_page(page: AlgorithmPage) -> None:
    name = page.algorithm.value
    conditional = (a_categorical(), a_double(step=0.5, **only_when("optimizer", "sgd")))
    assert is_admitted(*conditional, algorithm=name) == (page.conditional and page.unordered)
    assert is_admitted(a_categorical(), algorithm=name) == page.unordered
    assert is_admitted(a_double(), algorithm=name) == page.continuous
    assert is_admitted(a_log_double(), algorithm=name) == page.continuous
    assert is_admitted(an_integer(), algorithm=name, directions=WAYS[: page.max_objectives])
    assert not is_admitted(an_integer(), algorithm=name, directions=WAYS[: page.max_objectives + 1])


@every_page
def test_only_those_that_need_torch_fail_without(page: AlgorithmPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are run by the whole contract in an image without torch."""
    if page.needs_torch:
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ModuleNotFoundError, match="torch"):
            build(a_spec(an_integer(), algorithm=page.algorithm.value))
    else:
        assert page.algorithm.value in RUNNABLE_ALGORITHMS


def suggestions_with(algorithm: str, **written: int) -> list[Values | None]:
    """What is suggested with some settings, whether admission would let them be written or not."""
    spec = a_spec(a_double("x", step=0.01), a_double("y", step=0.01), algorithm=algorithm)
    search = spec.search.model_copy(update={"settings": SearchSettings(**written)})
    searcher = build(spec.model_copy(update={"search": search}))
    suggestions = []
    for number in range(30):
        values = searcher.suggest(f"t{number}")
        suggestions.append(values)
        searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (float((values or {})["x"]),)))
    return suggestions


@every_runnable
def test_settings_are_honoured_where_the_page_says_so(algorithm: str) -> None:
    page, default = ALGORITHMS[Algorithm(algorithm)], suggestions_with(algorithm)
    assert (suggestions_with(algorithm, startup_trials=4) != default) == page.startup_trials
    assert (suggestions_with(algorithm, population_size=5) != default) == page.population_size


def without_iterations(kind: SchedulerKind) -> Spec:
    spec = a_spec(a_double(), scheduler=a_block(kind, a_double()))
    return spec.model_copy(update={"budget": spec.budget.model_copy(update={"iterations_per_trial": None})})


@every_scheduler
def test_a_scheduler_that_needs_iterations_says_so(page: SchedulerPage) -> None:
    if page.needs_iterations:
        with pytest.raises(ValueError, match="iterationsPerTrial"):
            build_scheduler(without_iterations(page.kind))
    else:
        build_scheduler(without_iterations(page.kind))


@every_scheduler
def test_a_scheduler_that_takes_only_ranges_is_refused_others_at_admission(page: SchedulerPage) -> None:
    def build_with(parameter: Json) -> None:
        build_scheduler(a_spec(parameter, scheduler=a_block(page.kind, parameter)))

    build_with(an_integer())
    if page.only_ranged:
        with pytest.raises(ValidationError):
            build_with(a_categorical())
    else:
        build_with(a_categorical())
