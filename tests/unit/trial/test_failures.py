"""What follows each class of failure: the policy's rule, what is counted, what the search learns."""

from __future__ import annotations

import math

import pytest

from luthier.api.failures import DEFAULT_ACTIONS, OF_PODS, Action, Cause, RetryRule
from luthier.api.wire import WorkerFact
from luthier.trial.ending import outcome
from luthier.trial.records import decode
from luthier.trial.schedulers.scheduler import Continue, Pause
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.study import FREE_DISRUPTIONS
from luthier.trial.trial_state import State
from support.builders import a_double, a_spec
from support.studies import ToldStudy

OF_RUNS = [cause for cause in Cause if cause not in OF_PODS]


def a_study(*, retries=0, policy=(), trials=4, failed=3, scheduler=None):
    spec = a_spec(a_double("x"), trials=trials, parallel=2, iterations=None)
    rules = [RetryRule(cause=cause, action=action) for cause, action in policy]
    return ToldStudy(
        spec.model_copy(
            update={
                "trial": spec.trial.model_copy(update={"retries": retries, "retry_policy": rules}),
                "budget": spec.budget.model_copy(update={"failed_trials": failed}),
            }
        ),
        scheduler=scheduler,
    ).begins()


class PausesAtTwo(StoppingScheduler):
    """Pauses each trial at its second iteration."""

    def report(self, trial, iteration, score, *, waiting):
        return Pause() if iteration == 2 else Continue()


AFTER_TWO_FAILURES_AND_ONE_RETRY = {
    Action.RETRY_FREE: (State.WAITING, 0),
    Action.RETRY: (State.FAILED, 1),
    Action.INFEASIBLE: (State.FAILED, 0),
    Action.FAIL: (State.FAILED, 0),
    Action.FAIL_EXPERIMENT: (State.FAILED, 0),
}


@pytest.mark.parametrize("cause", OF_RUNS)
@pytest.mark.parametrize("action", Action)
def test_the_policy_says_what_follows_a_failure(cause, action):
    told = a_study(retries=1, policy=[(cause, action)])
    told.starts()
    told.fails("t0000", cause)
    if told.state_of("t0000") is State.WAITING:
        assert told.starts() == "t0000"
        told.fails("t0000", cause)

    state, retries = AFTER_TWO_FAILURES_AND_ONE_RETRY[action]
    assert (told.state_of("t0000"), told.trials["t0000"].retries) == (state, retries)
    ended = outcome(told.study, told.now)
    assert (ended is not None and ended.reason == "FailedFast") == (action is Action.FAIL_EXPERIMENT)


@pytest.mark.parametrize("cause", OF_RUNS)
def test_without_a_policy_the_defaults_hold(cause):
    told = a_study(retries=1)
    told.starts()
    told.fails("t0000", cause)
    is_retried = DEFAULT_ACTIONS[cause] in (Action.RETRY_FREE, Action.RETRY)
    assert told.state_of("t0000") is (State.WAITING if is_retried else State.FAILED)


def test_every_class_has_a_default():
    assert DEFAULT_ACTIONS.keys() == set(Cause)


def test_a_number_that_is_none_and_a_missing_result_follow_the_policy_too():
    told = a_study(retries=1, policy=[("NotFinite", "Retry"), ("NoResult", "Retry")])
    told.starts_all()
    told.reports("t0000", math.nan)
    told.lets_go("t0001")
    assert [told.state_of(name) for name in ("t0000", "t0001")] == [State.WAITING, State.WAITING]
    assert [record.cause for record in told.of_kind("retry")] == ["NotFinite", "NoResult"]


def test_what_is_saved_by_a_run_that_reported_nan_is_nothing_to_go_on_from():
    told = a_study(retries=1, policy=[("NotFinite", "Retry")])
    told.starts()
    told.reports("t0000", 1.0)
    path = told.saves("t0000")
    told.reports("t0000", 2.0, math.nan)
    told.saves("t0000")
    told.lets_go("t0000")
    assert told.starts() == "t0000"
    assert (told.of_kind("run")[-1].iteration, told.of_kind("run")[-1].checkpoint) == (1, path)

    told.reports("t0000", 2.0, 3.0)
    told.saves("t0000")
    assert told.trials["t0000"].origin.iteration == 3


def test_a_run_that_is_paused_after_such_a_retry_keeps_what_it_saves():
    told = a_study(retries=1, policy=[("NotFinite", "Retry")], scheduler=PausesAtTwo())
    told.starts()
    told.reports("t0000", math.nan)
    told.lets_go("t0000")
    told.starts()
    told.reports("t0000", 1.0, 2.0)
    path = told.saves("t0000")
    assert told.state_of("t0000") is State.PAUSED
    assert told.trials["t0000"].origin.checkpoint == path


def test_a_run_that_ends_after_its_failure_was_seen_is_not_blamed_twice():
    told = a_study()
    told.starts()
    told.reports("t0000", math.nan)
    told.lets_go("t0000")
    assert told.failure_counts == {"NotFinite": 1}


def test_a_new_result_makes_earlier_disruptions_forgotten():
    told = a_study()
    for _ in range(FREE_DISRUPTIONS):
        told.starts()
        told.fails("t0000", "Evicted")
    told.starts()
    told.reports("t0000", 1.0)
    told.fails("t0000", "Evicted")
    assert told.state_of("t0000") is State.WAITING


def test_infeasible_trials_use_up_no_failures_once_any_trial_has_had_a_result():
    told = a_study(failed=1)
    for name in told.starts_all():
        told.fails(name, "OutOfMemory")
    assert outcome(told.study, told.now).reason == "TooManyFailures"

    told.completes(told.starts(), 1.0)
    assert outcome(told.study, told.now) is None
    assert told.again().infeasible == told.infeasible == {"t0000", "t0001"}


@pytest.mark.parametrize(("cause", "ending"), [("CudaOutOfMemory", "Infeasible"), ("Exception", "Failed")])
def test_a_search_algorithm_is_told_whether_a_failure_is_put_down_to_the_parameters(cause, ending):
    told = a_study()
    told.starts()
    told.fails("t0000", cause)
    for study in (told.study, told.again().study):
        assert study._searcher.state()["history"][-1]["ending"] == ending


def test_every_bad_end_is_counted_by_class_also_for_the_next_attempt():
    told = a_study(retries=1)
    told.starts_all()
    told.fails("t0000", "Exception")
    told.fails("t0001", "Evicted")
    told.starts_all()
    told.fails("t0000", "Exception")
    assert told.failure_counts == {"Exception": 2, "Evicted": 1}
    assert told.again().failure_counts == told.failure_counts


def test_a_worker_that_cannot_be_had_counts_once_however_often_it_is_said():
    told = a_study()
    fact = WorkerFact(name="w-1-0", cause=Cause.IMAGE_PULL, message="no such image")
    for _ in range(3):
        told.worker_failed(fact, told.tick())
    told.again().worker_failed(fact, told.tick())
    assert told.failure_counts == {"ImagePull": 1}
    assert outcome(told.study, told.now) is None


def test_a_worker_that_was_lost_counts_only_in_the_runs_that_it_cost():
    told = a_study()
    told.worker_failed(WorkerFact(name="w-1-0", cause=Cause.EVICTED), told.tick())
    assert told.failure_counts == {}


def test_an_experiment_may_fail_with_its_first_worker_that_cannot_be_had():
    told = a_study(policy=[("ImagePull", "FailExperiment")])
    told.worker_failed(WorkerFact(name="w-1-0", cause=Cause.IMAGE_PULL, message="no such image"), told.tick())
    ended = outcome(told.again().study, told.now)
    assert (ended.succeeded, ended.reason) == (False, "FailedFast")
    assert ended.message.startswith("w-1-0: ImagePull: no such image")


def test_a_raised_budget_goes_on_from_a_failure_that_was_final():
    told = a_study(policy=[("Exception", "FailExperiment")])
    told.starts()
    told.fails("t0000")
    told.ends()
    told.begins(trials=5)
    assert told.outcome is None
    assert outcome(told.study, told.now) is None
    assert told.starts() == "t0001"


def test_ends_that_were_written_before_there_were_rules_are_read():
    line = b'{"kind":"end","time":1.0,"trial":"t0000","ending":"Failed","cause":"Exception","message":"no luck"}'
    assert decode(line).action is None
