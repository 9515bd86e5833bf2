"""When an experiment is over, and why: one row a situation."""

from __future__ import annotations

import pytest

from luthier.api.failures import RetryRule
from luthier.trial.ending import RULES, outcome
from support.builders import a_double, a_spec, an_integer
from support.studies import ToldStudy


def a_study(target=None, gpu=0.0, directions=("Maximize",), parameters=(), policy=(), **budget):
    of_spec = {name: budget.pop(name) for name in ("algorithm",) if name in budget}
    spec = a_spec(*parameters or [a_double("x")], trials=3, iterations=None, directions=directions, **of_spec)
    objectives = [spec.objectives[0].model_copy(update={"target": target}), *spec.objectives[1:]]
    resources = spec.trial.resources.model_copy(update={"gpu": gpu})
    rules = [RetryRule(cause=cause, action=action) for cause, action in policy]
    spec = spec.model_copy(
        update={
            "objectives": objectives,
            "budget": spec.budget.model_copy(update=budget),
            "trial": spec.trial.model_copy(update={"resources": resources, "retry_policy": rules}),
        }
    )
    return ToldStudy(spec).begins()


def nothing(told):
    pass


def one_completes(score):
    def happens(told):
        told.completes(told.starts(), score)

    return happens


def one_reports(*scores):
    def happens(told):
        told.reports(told.starts(), *scores)

    return happens


def all_complete(told):
    while name := told.starts():
        told.completes(name, 1.0)


def some_fail(count, message="no luck"):
    def happens(told):
        for _ in range(count):
            told.fails(told.starts(), "Exception", message)

    return happens


def one_reports_and_fails(score):
    def happens(told):
        name = told.starts()
        told.reports(name, score)
        told.fails(name)

    return happens


def one_runs_for(seconds):
    def happens(told):
        told.reports(told.starts(), 1.0)
        told.tick(seconds)

    return happens


def nobody_reports_for(seconds):
    def happens(told):
        told.starts()
        told.tick(seconds)

    return happens


def then(*happenings):
    def happens(told):
        for happening in happenings:
            happening(told)

    return happens


GRID = {"parameters": [an_integer("n", 1, 2)], "algorithm": "Grid"}
SITUATIONS = {
    "a new experiment": ({}, nothing, None),
    "a trial runs": ({}, one_reports(1.0), None),
    "one of three is done": ({}, one_completes(1.0), None),
    "all are done": ({}, all_complete, "TrialsDone: 3 trials ended: 3 succeeded, 0 stopped early, 0 failed"),
    "some failed, within what is tolerated": (
        {"failed_trials": 1},
        then(some_fail(1), all_complete),
        "TrialsDone: 3 trials ended: 2 succeeded, 0 stopped early, 1 failed",
    ),
    "the space is exhausted": (GRID, all_complete, "SpaceExhausted: 2 trials ended: 2 succeeded"),
    "the target is reached": (
        {"target": 0.9},
        one_reports(0.95),
        "TargetReached: t0000 reached score0 0.95 (target 0.9)",
    ),
    "the target was reached earlier": ({"target": 0.9}, one_reports(0.95, 0.1), "TargetReached: t0000"),
    "the target is not reached": ({"target": 0.9}, one_reports(0.89), None),
    "a target to be minimised": (
        {"target": 0.9, "directions": ("Minimize",)},
        one_reports(0.5),
        "TargetReached: t0000 reached score0 0.5",
    ),
    "the target was reached by a trial that failed": ({"target": 0.9}, one_reports_and_fails(0.95), None),
    "one more failed than is tolerated": (
        {"failed_trials": 1},
        some_fail(2, "first line\nx is no good"),
        "TooManyFailures: 2 trials failed and the budget tolerates 1; the last, t0001: Exception: x is no good",
    ),
    "a failure that is final goes before all else": (
        {"target": 0.5, "policy": [("Exception", "FailExperiment")]},
        then(one_reports(0.9), some_fail(1, "first line\nx is no good")),
        "FailedFast: t0001: Exception: x is no good; trial.retryPolicy says FailExperiment for this",
    ),
    "all failed and that is tolerated": (
        {"failed_trials": 9},
        some_fail(3),
        "NoTrialSucceeded: none of 3 trials succeeded; the last, t0002: Exception: no luck",
    ),
    "the time is spent with a result": (
        {"duration_seconds": 60},
        one_runs_for(61),
        "DurationReached: 60 seconds are spent after 1 trials",
    ),
    "the time is spent without one": (
        {"duration_seconds": 60},
        nobody_reports_for(61),
        "DurationReached: 60 seconds are spent after 1 trials; no trial had reported",
    ),
    "there is time left": ({"duration_seconds": 60}, one_runs_for(30), None),
    "the GPU-hours are spent": (
        {"gpu_hours": 0.5, "gpu": 2.0},
        one_runs_for(900),
        "GpuHoursReached: 0.5 GPU-hours are spent after 1 trials",
    ),
    "GPU-hours are left": ({"gpu_hours": 0.5, "gpu": 2.0}, one_runs_for(800), None),
    "no GPU is held": ({"gpu_hours": 0.5}, one_runs_for(100_000), None),
    "the user stops it": (
        {"stop": True},
        one_reports(1.0),
        "Stopped: stopped by budget.stop after 1 trials",
    ),
    "the user stops what has no result": (
        {"stop": True},
        nothing,
        "Stopped: stopped by budget.stop after 0 trials; no trial had reported",
    ),
    "all done is all done though the user stops it": ({"stop": True}, all_complete, "TrialsDone"),
    "a target goes before a spent time": (
        {"target": 0.5, "duration_seconds": 1},
        one_runs_for(9),
        "TargetReached: t0000",
    ),
    "too many failures go before all being done": (
        {"failed_trials": 2},
        some_fail(3),
        "TooManyFailures: 3 trials failed",
    ),
    "a long error is cut": ({"failed_trials": 0}, some_fail(1, "x" * 5000), "TooManyFailures: 1 trials failed"),
}
SUCCESSES = ("TrialsDone", "SpaceExhausted", "TargetReached")


@pytest.mark.parametrize(("spec", "happens", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_how_it_ends(spec, happens, expected):
    told = a_study(**spec)
    happens(told)

    ended = outcome(told.study, told.now)

    said = f"{ended.reason}: {ended.message}" if ended else None
    assert said == expected or (said and expected and said.startswith(expected))
    if ended and ended.reason in SUCCESSES:
        assert ended.succeeded


def test_spending_the_time_is_a_success_only_with_a_result():
    for happens, succeeded in ((one_runs_for(61), True), (nobody_reports_for(61), False)):
        told = a_study(duration_seconds=60)
        happens(told)
        assert outcome(told.study, told.now).succeeded is succeeded


def test_a_trial_that_still_runs_keeps_the_experiment_going():
    told = a_study()
    told.starts_all()
    told.completes("t0000", 1.0)
    told.starts()
    told.completes("t0001", 1.0)
    assert outcome(told.study, told.now) is None
    told.completes("t0002", 1.0)
    assert outcome(told.study, told.now).reason == "TrialsDone"


def test_rules_are_asked_in_this_order():
    assert [rule.__name__ for rule in RULES] == [
        "a_failure_is_final",
        "target_is_reached",
        "failures_are_too_many",
        "trials_are_done",
        "the_user_stops_it",
        "duration_is_spent",
        "gpu_hours_are_spent",
    ]
