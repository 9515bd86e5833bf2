"""Replay: a trial is its own donor when its schedule says so, and at no other time."""

from __future__ import annotations

import json

import pytest

from luthier.trial.schedulers import build
from luthier.trial.schedulers.scheduler import Continue, Exploit
from luthier.trial.trial_state import Origin, State
from support.builders import a_categorical, a_double, a_spec, an_integer, only_when
from support.studies import ToldStudy

SPACE = (
    a_double("lr"),
    an_integer("n"),
    a_categorical("optimizer"),
    a_double("momentum", **only_when("optimizer", "sgd")),
)


def a_replay_of(**changes):
    """A spec with a schedule; `at_4={...}` changes values from iteration 4 on."""
    schedule = [{"firstIteration": int(when.removeprefix("at_")), "values": new} for when, new in changes.items()]
    return a_spec(
        *SPACE,
        scheduler={"replay": {"schedule": schedule}},
        trials=1,
        parallel=1,
        initial_points=({"lr": 0.1, "n": 1, "optimizer": "adam"},),
    )


def a_scheduler(**changes):
    scheduler = build(a_replay_of(**changes))
    scheduler.added("t0", {"lr": 0.1, "n": 1, "optimizer": "adam"})
    return scheduler


def at(scheduler, iteration):
    return scheduler.report("t0", iteration, 0.0, waiting=0)


def test_the_change_comes_with_the_report_before_its_first_iteration():
    scheduler = a_scheduler(at_4={"lr": 0.2})
    values = {"lr": 0.2, "n": 1, "optimizer": "adam"}
    assert [at(scheduler, 1), at(scheduler, 2)] == [Continue(), Continue()]
    assert at(scheduler, 3) == Exploit("t0", 3, values, {"lr": (0.1, 0.2)})
    assert [at(scheduler, 4), at(scheduler, 5)] == [Continue(), Continue()]


def test_what_a_change_leaves_out_keeps_its_value():
    scheduler = a_scheduler(at_2={"lr": 0.2}, at_3={"n": 5})
    at(scheduler, 1)
    assert at(scheduler, 2).values == {"lr": 0.2, "n": 5, "optimizer": "adam"}


def test_a_parameter_takes_part_only_where_its_condition_holds():
    scheduler = a_scheduler(
        at_2={"optimizer": "sgd", "momentum": 0.5}, at_3={"optimizer": "adam"}, at_4={"optimizer": "sgd"}
    )
    assert at(scheduler, 1).values["momentum"] == 0.5
    assert at(scheduler, 2).changed == {"optimizer": ("sgd", "adam"), "momentum": (0.5, None)}
    assert at(scheduler, 3).values["momentum"] == 0.5


def test_a_change_to_the_same_values_does_not_interrupt():
    assert at(a_scheduler(at_2={"lr": 0.1}), 1) == Continue()


def test_changes_that_nobody_reported_a_score_for_are_made_up_for_together():
    scheduler = a_scheduler(at_3={"lr": 0.2}, at_4={"n": 3, "lr": 0.3})
    assert at(scheduler, 7) == Exploit(
        "t0", 7, {"lr": 0.3, "n": 3, "optimizer": "adam"}, {"lr": (0.1, 0.3), "n": (1, 3)}
    )


def test_values_have_the_types_of_their_parameters():
    assert repr(at(a_scheduler(at_2={"lr": 1, "n": 2.0}), 1).values) == "{'lr': 1.0, 'n': 2, 'optimizer': 'adam'}"


def test_state_is_json_and_brings_another_to_the_same_place():
    one, other = (a_scheduler(at_2={"lr": 0.2}, at_4={"lr": 0.3}) for _ in range(2))
    at(one, 1)
    other.restore(json.loads(json.dumps(one.state())))
    assert at(other, 3) == at(one, 3) == Exploit("t0", 3, {"lr": 0.3, "n": 1, "optimizer": "adam"}, {"lr": (0.2, 0.3)})


@pytest.fixture
def changing():
    """A study whose only trial has just been told to go on with other values, and has yet to save."""
    told = ToldStudy(a_replay_of(at_4={"lr": 0.2})).begins()
    told.starts()
    assert told.reports("t0000", 1.0, 1.0) is True
    told.saves("t0000")
    assert told.reports("t0000", 1.0) is False
    return told


def test_a_trial_goes_on_from_what_it_saves_at_its_change(changing):
    path = changing.saves("t0000")
    assert changing.starts() is None, "its run still holds the slot"
    changing.lets_go("t0000")
    assert changing.starts() == "t0000"
    trial = changing.trials["t0000"]
    assert (trial.origin, trial.values["lr"], trial.state) == (Origin(3, path), 0.2, State.RUNNING)


def test_a_trial_that_does_not_save_at_its_change_repeats_from_its_last_checkpoint(changing):
    changing.lets_go("t0000")
    changing.starts()
    assert changing.trials["t0000"].origin.iteration == 2
    assert changing.reports("t0000", 1.0, 1.0)
    assert [record.iteration for record in changing.of_kind("result")] == [1, 2, 3, 4]


def test_a_change_is_no_copy(changing):
    assert changing.exploits == []


def test_a_driver_that_dies_at_a_change_leaves_the_trial_ready_to_go_on(changing):
    again = changing.again().begins()
    assert again.starts() == "t0000"
    assert again.trials["t0000"].values["lr"] == 0.2
