"""Rungs in whole numbers, where floating-point logarithms lose one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.trial.schedulers.rungs import fraction_name, median, milestones, ranked, whole_log


@pytest.mark.parametrize(
    ("first", "end", "factor", "rungs"),
    [
        pytest.param(1, 1000, 10, [1, 10, 100], id="1000 by tens, one short in Ray and Syne Tune"),
        pytest.param(1, 243, 3, [1, 3, 9, 27, 81], id="243 by threes, one short in Ray and Syne Tune"),
        pytest.param(1, 81, 3, [1, 3, 9, 27], id="81 by threes"),
        pytest.param(4, 100, 4, [4, 16, 64], id="from a grace period of 4"),
        pytest.param(5, 6, 2, [5], id="a single rung"),
    ],
)
def test_a_rung_stands_wherever_the_milestone_is_below_the_end(
    first: int, end: int, factor: int, rungs: list[int]
) -> None:
    assert milestones(first, end, factor) == rungs


@given(first=st.integers(1, 50), end=st.integers(1, 10**6), factor=st.integers(2, 16))
def test_no_rung_is_missing_and_none_too_many(first: int, end: int, factor: int) -> None:
    rungs = milestones(first, end, factor)
    assert rungs == [first * factor**k for k in range(len(rungs))]
    assert all(rung < end for rung in rungs)
    assert first * factor ** len(rungs) >= end


@given(base=st.integers(2, 16), power=st.integers(0, 18), below=st.integers(0, 1))
def test_the_logarithm_of_a_power_is_exact(base: int, power: int, below: int) -> None:
    if base**power - below >= 1:
        assert whole_log(base**power - below, base) == power - below


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_the_median_splits_in_halves(values: list[float]) -> None:
    middle = median(values)
    assert sum(value < middle for value in values) <= len(values) / 2
    assert sum(value > middle for value in values) <= len(values) / 2


def test_ranking_is_stable_and_puts_those_without_a_score_last() -> None:
    assert ranked({"a": 1.0, "b": None, "c": 2.0, "d": 1.0, "e": -math.pi}) == ["c", "a", "d", "e", "b"]


def test_fractions_have_names() -> None:
    assert [fraction_name(factor) for factor in (2, 3, 4, 5)] == ["half", "third", "quarter", "1/5"]
