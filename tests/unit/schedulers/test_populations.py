"""PBT and PB2, decision by decision."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.api.parameters import Scalar, is_active
from luthier.trial.schedulers import build
from luthier.trial.schedulers.bandit import TimeVaryingKernel, choose
from luthier.trial.schedulers.explore import changes, explore, perturb
from luthier.trial.schedulers.scheduler import Continue, Exploit, Pause, Resume, Scheduler
from luthier.trial.search.space import Space
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


def a_population(kind: str = "pbt", members: int = 4, **more: object) -> Scheduler:
    """Members t0, t1, ... with x = 0.1, 0.2, ..., of which each looks every 2 iterations."""
    spec = a_spec(
        a_double("x"), scheduler={kind: {"perturbationInterval": 2, **more}}, trials=members, parallel=2, iterations=20
    )
    scheduler = build(spec)
    for number in range(members):
        scheduler.added(f"t{number}", {"x": (number + 1) / 10})
    return scheduler


def everyone_at(scheduler: Scheduler, iteration: int, *scores: float) -> None:
    for number, score in enumerate(scores):
        scheduler.report(f"t{number}", iteration, score, waiting=0)


def test_the_worst_goes_on_from_the_latest_checkpoint_of_the_best() -> None:
    scheduler = a_population()
    scheduler.saved("t3", 1)
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    decision = scheduler.report("t0", 4, 0.5, waiting=0)
    assert isinstance(decision, Exploit)
    assert (decision.donor, decision.donor_iteration) == ("t3", 2)
    assert decision.changed == {"x": (0.4, decision.values["x"])}


@pytest.mark.parametrize("trial", ["t1", "t2", "t3"])
def test_those_that_are_not_among_the_worst_go_on(trial: str) -> None:
    scheduler = a_population()
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    assert scheduler.report(trial, 4, {"t1": 0.6, "t2": 0.7, "t3": 0.8}[trial], waiting=0) == Continue()


def test_a_best_one_without_a_checkpoint_gives_nothing() -> None:
    scheduler = a_population()
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    assert scheduler.report("t0", 4, 0.5, waiting=0) == Continue()


def test_a_best_one_that_has_ended_gives_nothing() -> None:
    scheduler = a_population()
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    scheduler.ended("t3")
    assert scheduler.report("t0", 4, 0.5, waiting=0) == Continue()


def test_a_checkpoint_of_weights_that_were_given_up_does_not_count() -> None:
    """t0 exploits at 4; its own checkpoint of iteration 4 comes late and must not be taken for the new weights."""
    scheduler = a_population()
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    assert isinstance(scheduler.report("t0", 4, 0.5, waiting=0), Exploit)
    scheduler.saved("t0", 4)
    assert scheduler.state()["members"]["t0"]["checkpoint"] is None
    scheduler.saved("t0", 5)
    assert scheduler.state()["members"]["t0"]["checkpoint"] == 5


def test_a_score_that_is_no_number_ranks_last_and_is_no_donor() -> None:
    scheduler = a_population(quantileFraction=0.5)
    everyone_at(scheduler, 2, 0.5, math.nan, 0.7, math.inf)
    for number in range(4):
        scheduler.saved(f"t{number}", 2)
    for loser in ("t1", "t3"):
        decision = scheduler.report(loser, 4, math.nan, waiting=0)
        assert isinstance(decision, Exploit)
        assert decision.donor in ("t0", "t2")


def test_between_boundaries_nothing_happens() -> None:
    scheduler = a_population()
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    assert scheduler.report("t0", 3, 0.0, waiting=5) == Continue()


def test_while_others_wait_a_member_pauses_and_comes_back_behind_those_that_trained_less() -> None:
    scheduler = a_population()
    assert scheduler.report("t2", 4, 0.7, waiting=2) == Pause()
    assert scheduler.report("t1", 2, 0.7, waiting=2) == Pause()
    assert scheduler.orders() == [Resume("t1"), Resume("t2")]
    assert scheduler.orders() == []


def test_a_quantile_of_a_half_never_makes_a_member_its_own_donor() -> None:
    for members in (2, 3, 5):
        scheduler = a_population(members=members, quantileFraction=0.5)
        for number in range(members):
            scheduler.saved(f"t{number}", 2)
        everyone_at(scheduler, 2, *[float(number) for number in range(members)])
        for number in range(members):
            decision = scheduler.report(f"t{number}", 4, float(number), waiting=0)
            assert not isinstance(decision, Exploit) or decision.donor != f"t{number}"


@pytest.mark.parametrize(
    ("written", "value", "neighbours"),
    [
        pytest.param(a_double(high=10.0), 5.0, {4.0, 6.0}, id="a double is multiplied"),
        pytest.param(a_double(high=10.0), 9.0, {7.2, 10.0}, id="and stays within bounds"),
        pytest.param(a_log_double(), 0.1, {0.08000000000000002, 0.12}, id="a log double too"),
        pytest.param(an_integer(high=100), 50, {40, 60}, id="an integer too"),
        pytest.param(an_integer(), 2, {1, 3}, id="a small integer moves by one where a factor would round back"),
        pytest.param(an_integer("w", 16, 96, step=16), 32, {16, 48}, id="a stepped integer by one step"),
        pytest.param(an_integer("u", 1, 99, scale="Log"), 2, {1, 3}, id="a log integer by one"),
        pytest.param(a_discrete("b", 64, 16, 32), 32, {16, 64}, id="a discrete number to its neighbours"),
        pytest.param(a_discrete("b", 64, 16, 32), 64, {32, 64}, id="the last number has one only"),
        pytest.param(a_categorical("c", "a", "b", "c"), "a", {"b", "c"}, id="a choice to another"),
        pytest.param(a_categorical("c", "a"), "a", {"a"}, id="unless there is no other"),
        pytest.param(a_boolean(), True, {False}, id="a boolean to the other"),
    ],
)
def test_perturbing_goes_to_near_values(written: Json, value: Scalar, neighbours: set[Scalar]) -> None:
    generator = np.random.default_rng(0)
    drawn = {perturb(a_parameter(written), value, generator) for _ in range(60)}
    assert drawn == neighbours
    assert {type(one) for one in drawn} == {type(value)}


@given(seed=st.integers(0, 10**6), resample=st.sampled_from([0.0, 0.5, 1.0]))
def test_exploring_follows_conditions(seed: int, resample: float) -> None:
    spec = a_spec(
        a_categorical("kind", "a", "b"),
        a_double("x", 0, 1, **only_when("kind", "a")),
        an_integer("n", 1, 9, **only_when("kind", "b")),
    )
    donor = {"kind": "a", "x": 0.5}
    values = explore(Space(spec.parameters), donor, resample, np.random.default_rng(seed))
    assert values.keys() == {p.name for p in spec.parameters if is_active(p, values)}
    if "n" in values:
        assert changes(donor, values) == {"kind": ("a", "b"), "x": (0.5, None), "n": (None, values["n"])}


def test_resampling_draws_from_the_whole_scale() -> None:
    space = Space([a_parameter(a_double())])
    generator = np.random.default_rng(1)
    drawn = [float(explore(space, {"x": 0.5}, 1.0, generator)["x"]) for _ in range(200)]
    assert statistics.pstdev(drawn) == pytest.approx(math.sqrt(1 / 12), abs=0.03)


def test_pb2_learns_where_the_score_rises() -> None:
    """Gains peak at 0.7; once there is data, explored values gather there, which PBT's random steps do not."""
    generator = np.random.default_rng(0)
    places = generator.random(40)
    rows = np.column_stack([np.repeat(np.arange(10), 4), np.repeat(np.arange(10), 4) * 0.1, places])
    gains = 1 - np.square(places - 0.7) * 4
    chosen = [
        choose(rows, gains, np.array([10.0, 1.0]), np.array([[0.1], [0.2]]), np.random.default_rng(seed))[0]
        for seed in range(5)
    ]
    assert statistics.median(chosen) == pytest.approx(0.7, abs=0.15)


def test_pb2_forgets() -> None:
    """Gains that peaked at 0.2 long ago and peak at 0.8 now."""
    places = np.tile(np.linspace(0, 1, 11), 12)
    time = np.repeat(np.arange(12.0), 11)
    peak = np.where(time < 9, 0.2, 0.8)
    rows = np.column_stack([time, np.zeros_like(time), places])
    gains = 1 - np.square(places - peak) * 4
    chosen = choose(rows, gains, np.array([12.0, 0.0]), np.array([[0.5]]), np.random.default_rng(0))[0]
    assert chosen > 0.6


def test_pb2_keeps_out_of_the_way_of_those_that_run() -> None:
    rows = np.array([[1.0, 0.0, 0.1], [1.0, 0.0, 0.9], [2.0, 0.1, 0.5]])
    gains = np.array([0.1, 0.1, 0.1])
    running = np.array([[0.25], [0.3]])
    chosen = choose(rows, gains, np.array([2.0, 0.1]), running, np.random.default_rng(0))[0]
    assert abs(chosen - 0.27) > 0.1


def test_the_gradient_of_the_kernel_is_that_of_its_values() -> None:
    kernel = TimeVaryingKernel(variance=1.5, length=0.7, forgetting=0.2)
    rows = np.random.default_rng(0).random((5, 3)) * [4, 1, 1]
    _, gradient = kernel(rows, eval_gradient=True)
    for index in range(3):
        nudge = np.zeros(3)
        nudge[index] = 1e-6
        up, down = kernel.clone_with_theta(kernel.theta + nudge), kernel.clone_with_theta(kernel.theta - nudge)
        assert gradient[:, :, index] == pytest.approx((up(rows) - down(rows)) / 2e-6, abs=1e-5)


def test_pb2_has_no_data_at_the_first_exploit_and_then_perturbs() -> None:
    scheduler = a_population("pb2")
    scheduler.saved("t3", 2)
    everyone_at(scheduler, 2, 0.5, 0.6, 0.7, 0.8)
    decision = scheduler.report("t0", 4, 0.5, waiting=0)
    assert isinstance(decision, Exploit)
    assert 0 <= float(decision.values["x"]) <= 1
