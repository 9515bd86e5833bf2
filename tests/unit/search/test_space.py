"""The space: how values are counted, drawn and put right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.api.parameters import Scalar
from luthier.trial.search.space import Space, at, index_of, size, snap, unit_of, value_at
from support.builders import (
    Json,
    a_boolean,
    a_categorical,
    a_discrete,
    a_double,
    a_log_double,
    a_parameter,
    a_spec,
    an_integer,
    only_when,
)

EVERY_KIND = [
    a_double(),
    a_log_double(),
    a_double("stepped", 0.1, 0.55, step=0.1),
    an_integer(),
    an_integer("width", 16, 100, step=16),
    an_integer("units", 1, 1000, scale="Log"),
    a_discrete("batch", 64, 16, 0.5),
    a_categorical(),
    a_boolean(),
]


@pytest.mark.parametrize(
    ("written", "value", "nearest"),
    [
        pytest.param(a_double(low=-1, high=2), 7, 2.0, id="a double beyond its maximum goes to the maximum"),
        pytest.param(a_double(low=-1, high=2), -7, -1.0, id="a double below its minimum goes to the minimum"),
        pytest.param(a_double("d", 0.1, 0.55, step=0.1), 0.29, 0.3, id="a stepped double is exact in decimals"),
        pytest.param(a_double("d", 0.1, 0.55, step=0.1), 0.55, 0.5, id="the last step may lie below the maximum"),
        pytest.param(an_integer(), 3.4, 3, id="an integer is rounded"),
        pytest.param(an_integer("w", 16, 100, step=16), 41, 48, id="a stepped integer counts from its minimum"),
        pytest.param(an_integer("w", 16, 100, step=16), 100, 96, id="and ends at the last step"),
        pytest.param(an_integer("u", 1, 1000, scale="Log"), 30.7, 31, id="a log integer is rounded too"),
        pytest.param(a_discrete("b", 64, 16, 0.5), 30, 16, id="a discrete number goes to the nearest"),
        pytest.param(a_categorical("c", "32", "64"), 32, "32", id="a choice is known by its spelling"),
        pytest.param(a_boolean(), "true", True, id="a boolean too"),
    ],
)
def test_snap_finds_the_nearest_value(written: Json, value: Scalar, nearest: Scalar) -> None:
    snapped = snap(a_parameter(written), value)
    assert snapped == nearest
    assert type(snapped) is type(nearest)


def test_snap_refuses_a_choice_that_is_none() -> None:
    with pytest.raises(ValueError, match="rmsprop"):
        snap(a_parameter(a_categorical()), "rmsprop")


@pytest.mark.parametrize("written", EVERY_KIND, ids=lambda written: written["name"])
@given(unit=st.floats(0, 1, exclude_max=True))
def test_every_place_of_a_scale_is_a_value_that_snap_leaves_alone(written: Json, unit: float) -> None:
    parameter = a_parameter(written)
    value = at(parameter, unit)
    assert snap(parameter, value) == value


@pytest.mark.parametrize("written", EVERY_KIND, ids=lambda written: written["name"])
def test_indexes_and_values_are_inverses(written: Json) -> None:
    parameter = a_parameter(written)
    count = size(parameter)
    if count is not None:
        values = [value_at(parameter, index) for index in range(count)]
        assert [index_of(parameter, value) for value in values] == list(range(count))
        assert len(set(values)) == count


@given(unit=st.floats(0, 1, exclude_max=True))
def test_the_place_of_a_value_is_where_it_was_drawn(unit: float) -> None:
    for written in (a_double(low=-3, high=5), a_log_double()):
        parameter = a_parameter(written)
        assert unit_of(parameter, at(parameter, unit)) == pytest.approx(unit, abs=1e-9)


def test_end_values_of_integers_are_as_likely_as_the_others() -> None:
    generator = np.random.default_rng(0)
    parameter = a_parameter(an_integer("n", 1, 4))
    drawn = [at(parameter, generator.random()) for _ in range(4000)]
    assert [drawn.count(n) for n in (1, 2, 3, 4)] == pytest.approx([1000] * 4, abs=120)


def test_a_given_value_does_not_change_what_else_is_drawn() -> None:
    space = Space(a_spec(a_double("x"), a_double("y")).parameters)
    free = space.sample(np.random.default_rng(4))
    fixed = space.sample(np.random.default_rng(4), {"x": 0.25})
    assert fixed == {"x": 0.25, "y": free["y"]}


def test_a_parameter_whose_condition_does_not_hold_is_absent() -> None:
    spec = a_spec(a_categorical(), a_double("momentum", **only_when("optimizer", "sgd")))
    space = Space(spec.parameters)
    assert space.is_conditional
    for seed in range(20):
        values = space.sample(np.random.default_rng(seed))
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
