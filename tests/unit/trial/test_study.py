"""What follows from each thing that happens to an experiment, told step by step."""

from __future__ import annotations

import math

import pytest

from luthier.api.wire import Outcome
from luthier.trial.fold import METRIC_NAMES_KEPT
from luthier.trial.schedulers.scheduler import Continue, Drop, Exploit, Pause, Resume, Stop
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.study import FREE_DISRUPTIONS
from luthier.trial.trial_state import State
from support.builders import a_double, a_spec, an_integer
from support.studies import ToldStudy


class Scripted(StoppingScheduler):
    """Decides as it is told beforehand: by trial and iteration; orders come after the next record."""

    def __init__(self, **decisions):
        self.decisions = decisions
        self.ordered = []
        self.told = []
        self.saves = []

    def report(self, trial, iteration, score, *, waiting):
        self.told.append((trial, iteration, score, waiting))
        return self.decisions.get(f"{trial}_{iteration}", Continue())

    def saved(self, trial, iteration):
        self.saves.append((trial, iteration))

    def rung_counts(self):
        return []

    def orders(self):
        orders, self.ordered = self.ordered, []
        return orders


def a_study(*, retries=0, scheduler=None, parameters=(), **spec):
    made = a_spec(*parameters or [a_double("x")], **{"trials": 4, "parallel": 2, "iterations": None, **spec})
    trial = made.trial.model_copy(update={"retries": retries})
    return ToldStudy(made.model_copy(update={"trial": trial}), scheduler=scheduler).begins()


# ---------------------------------------------------------------------- slots and counts


def test_trials_start_one_by_one_until_the_slots_are_full():
    told = a_study()
    assert told.starts_all() == ["t0000", "t0001"]


def test_a_slot_is_free_only_when_the_run_has_let_go_of_it():
    told = a_study(iterations=1)
    told.starts_all()
    assert told.reports("t0000", 1.0) is False
    assert told.state_of("t0000") is State.SUCCEEDED
    assert told.starts() is None

    told.lets_go("t0000")
    assert told.starts() == "t0002"


def test_no_more_trials_are_proposed_than_the_budget_says():
    told = a_study(trials=3, parallel=2)
    while name := told.starts():
        told.completes(name, 1.0)
    assert list(told.trials) == ["t0000", "t0001", "t0002"]
    assert told.can_start is False


def test_a_raised_budget_asks_for_more_and_a_lowered_one_for_no_more():
    told = a_study(trials=2, parallel=2)
    told.starts_all()
    told.change_budget(2, told.budget.model_copy(update={"trials": 3, "parallel_trials": 3}), told.tick())
    assert told.starts_all() == ["t0002"]
    told.change_budget(3, told.budget.model_copy(update={"trials": 1, "parallel_trials": 1}), told.tick())
    told.completes("t0000", 1.0)
    assert told.starts() is None
    assert told.generation == 3


def test_the_budget_is_recorded_when_it_is_first_known_and_whenever_it_changes():
    told = a_study()
    told.change_budget(2, told.budget, told.tick())
    assert len(told.of_kind("budget")) == 1
    told.change_budget(3, told.budget.model_copy(update={"trials": 9}), told.tick())
    assert [record.budget.trials for record in told.of_kind("budget")] == [4, 9]
    assert told.again().budget.trials == 9


def test_an_exhausted_space_is_recorded_once_and_asked_no_more():
    told = a_study(parameters=[an_integer("n", 1, 2)], algorithm="Grid", trials=9, parallel=9)
    assert told.starts_all() == ["t0000", "t0001"]
    assert told.starts() is None
    assert len(told.of_kind("exhausted")) == 1


# ---------------------------------------------------------------------- results


def test_a_trial_is_complete_at_its_last_iteration_and_never_reports_beyond_it():
    told = a_study(iterations=3)
    told.starts()
    assert told.reports("t0000", 1.0, 2.0) is True
    assert told.reports("t0000", 3.0) is False
    assert told.reports("t0000", 4.0) is False
    assert [record.iteration for record in told.of_kind("result")] == [1, 2, 3]
    assert told.of_kind("result")[-1].decision == "Complete"


def test_a_trial_that_ends_by_itself_has_succeeded_if_it_reported():
    told = a_study()
    told.starts_all()
    told.completes("t0000", 0.5)
    told.completes("t0001")
    assert told.state_of("t0000") is State.SUCCEEDED
    assert told.state_of("t0001") is State.FAILED
    assert told.trials["t0001"].cause == "NoResult"


def test_the_best_result_is_kept_with_its_iteration_and_the_last_with_its_own():
    told = a_study()
    told.starts()
    told.reports("t0000", 0.2, 0.9, 0.4)
    trial = told.trials["t0000"]
    assert (trial.best.iteration, trial.best.metrics) == (2, {"score0": 0.9})
    assert (trial.last_iteration, trial.metrics) == (3, {"score0": 0.4})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_an_objective_that_is_no_number_fails_the_trial_and_another_metric_is_left_out(number):
    told = a_study()
    told.starts_all()
    assert told.reports("t0000", 1.0, number) is False
    assert told.trials["t0000"].cause == "NotFinite"
    assert f"score0 was {number} at iteration 2" in told.trials["t0000"].message

    assert told.reports("t0001", 1.0, other=number) is True
    assert told.of_kind("result")[-1].metrics == {"score0": 1.0}


def test_a_result_without_an_objective_counts_as_an_iteration_and_is_told_to_nobody():
    scheduler = Scripted()
    told = a_study(scheduler=scheduler)
    told.starts()
    told.reports("t0000", other=1.0)
    assert told.trials["t0000"].iteration == 1
    assert told.missing_metric == "score0"
    assert scheduler.told == []

    told.reports("t0000", 1.0)
    assert told.missing_metric is None


def test_a_trial_that_never_reported_the_objective_is_told_what_it_did_report():
    told = a_study()
    told.starts()
    told.reports("t0000", b=1.0, a=2.0)
    told.lets_go("t0000")
    assert told.trials["t0000"].message == "never reported score0; it reported a, b"


def test_the_last_iteration_completes_no_trial_that_never_reported_the_objective():
    told = a_study(iterations=2)
    told.starts_all()
    assert told.reports("t0000", other=1.0) is True
    assert told.reports("t0000", other=1.0) is False
    trial = told.trials["t0000"]
    assert (trial.state, trial.cause) == (State.FAILED, "NoResult")
    assert trial.message == "never reported score0; it reported other"
    assert told.again().state_of("t0000") is State.FAILED

    told.reports("t0001", 1.0)
    told.reports("t0001", other=1.0)
    assert told.state_of("t0001") is State.SUCCEEDED


def test_names_of_metrics_are_remembered_in_bounds_and_the_objectives_always():
    told = a_study()
    told.starts()
    for number in range(METRIC_NAMES_KEPT):
        told.reports("t0000", **{f"m{number}": 1.0, f"n{number}": 1.0})
    told.reports("t0000", 1.0)
    assert len(told.metrics_seen) <= METRIC_NAMES_KEPT + 1
    assert told.missing_metric is None


# ---------------------------------------------------------------------- retries, disruptions, restarts


def test_a_failed_trial_goes_on_from_its_checkpoint_while_retries_are_left_and_repeats_are_not_recorded():
    told = a_study(retries=1, iterations=5)
    told.starts()
    told.reports("t0000", 1.0)
    path = told.saves("t0000")
    told.reports("t0000", 2.0, 3.0)
    told.fails("t0000")

    assert told.starts() == "t0000"
    run = told.of_kind("run")[-1]
    assert (run.iteration, run.checkpoint) == (1, path)
    told.reports("t0000", 20.0, 30.0)
    assert [record.metrics["score0"] for record in told.of_kind("result")] == [1.0, 2.0, 3.0]
    told.reports("t0000", 4.0)
    assert told.trials["t0000"].iteration == 4

    told.fails("t0000", message="for good")
    assert told.state_of("t0000") is State.FAILED
    assert (told.trials["t0000"].cause, told.trials["t0000"].message) == ("Exception", "for good")


def test_a_checkpoint_that_is_saved_while_repeating_is_of_the_iteration_that_was_repeated():
    told = a_study(retries=1)
    told.starts()
    told.reports("t0000", 1.0, 2.0, 3.0)
    told.fails("t0000")
    told.starts()
    told.reports("t0000", 1.0, 2.0)
    told.saves("t0000")
    assert told.trials["t0000"].origin.iteration == 2
    assert told.trials["t0000"].iteration == 3


def test_lost_workers_are_no_fault_of_the_trial_until_there_have_been_too_many():
    told = a_study(retries=0)
    for _ in range(FREE_DISRUPTIONS):
        assert told.starts() == "t0000"
        told.fails("t0000", "WorkerLost", "gone")
    assert told.trials["t0000"].retries == 0
    assert told.state_of("t0000") is State.WAITING

    told.starts()
    told.fails("t0000", "WorkerLost", "gone again")
    assert told.state_of("t0000") is State.FAILED
    assert told.failed == ["t0000"]


def test_an_error_after_the_decision_changes_nothing_but_the_slot():
    told = a_study(iterations=1)
    told.starts_all()
    told.reports("t0000", 1.0)
    told.fails("t0000")
    assert told.state_of("t0000") is State.SUCCEEDED
    assert told.starts() == "t0002"


def test_runs_of_an_earlier_attempt_wait_in_line_and_go_on_from_their_checkpoints():
    told = a_study()
    told.starts_all()
    told.reports("t0000", 1.0)
    path = told.saves("t0000")
    told.reports("t0000", 2.0)

    read = told.again().begins()
    assert read.starts_all() == ["t0000", "t0001"]
    assert [run.checkpoint for run in read.of_kind("run")[-2:]] == [path, None]
    read.reports("t0000", 2.5)
    assert len(read.of_kind("result")) == 2


def test_a_run_that_was_interrupted_is_not_over():
    told = a_study()
    told.starts()
    told.reports("t0000", 1.0)
    told.lets_go("t0000", is_interrupted=True)
    assert told.again().state_of("t0000") is State.WAITING


def test_seconds_count_while_trials_run_and_the_time_between_attempts_does_not():
    told = a_study()
    told.starts()
    told.tick(10)
    told.completes("t0000", 1.0)
    spent = told.trial_seconds(told.now)
    assert spent == 12
    told.tick(1000)
    assert told.trial_seconds(told.now) == spent

    read = told.again()
    read.tick(5000)
    read.begins()
    read.tick(7)
    assert read.trial_seconds(read.now) == spent
    assert read.running_seconds(read.now) < 100


# ---------------------------------------------------------------------- the scheduler's decisions


def test_a_stop_ends_the_trial_with_its_reason():
    told = a_study(scheduler=Scripted(t0000_1=Stop("rung 1: too low")))
    told.starts()
    assert told.reports("t0000", 1.0) is False
    trial = told.trials["t0000"]
    assert (trial.state, trial.cause, trial.message) == (State.STOPPED, "Scheduler", "rung 1: too low")


def test_a_paused_trial_waits_for_the_order_and_goes_on_from_what_was_saved_after_the_decision():
    scheduler = Scripted(t0000_2=Pause())
    told = a_study(scheduler=scheduler, trials=2)
    told.starts_all()
    assert told.reports("t0000", 1.0, 2.0) is False
    path = told.saves("t0000")
    told.lets_go("t0000")
    assert told.state_of("t0000") is State.PAUSED
    assert told.starts() is None

    scheduler.ordered = [Resume("t0000")]
    told.reports("t0001", 1.0)
    assert told.starts() == "t0000"
    assert told.of_kind("run")[-1].checkpoint == path
    assert scheduler.saves == [("t0000", 2)]


def test_a_trial_that_may_resume_waits_until_its_own_run_has_let_go():
    scheduler = Scripted(t0000_1=Pause())
    told = a_study(scheduler=scheduler, trials=3, parallel=3)
    told.starts_all()
    told.completes("t0002", 1.0)
    scheduler.ordered = [Resume("t0000")]
    told.reports("t0000", 1.0)
    assert told.starts() is None
    told.lets_go("t0000")
    assert told.starts() == "t0000"


def test_a_dropped_trial_is_recorded_as_stopped_with_its_reason_also_by_the_next_attempt():
    scheduler = Scripted(t0000_1=Pause())
    told = a_study(scheduler=scheduler, trials=2)
    told.starts_all()
    told.reports("t0000", 1.0)
    scheduler.ordered = [Drop("t0000", "rung 1: not among the best half")]
    told.reports("t0001", 1.0)

    end = told.of_kind("end")[-1]
    assert (end.trial, end.ending, end.cause, end.message) == (
        "t0000",
        "Stopped",
        "Scheduler",
        "rung 1: not among the best half",
    )


def test_an_exploit_takes_values_and_checkpoint_and_goes_on_at_the_losers_own_iteration():
    step = Exploit("t0001", 1, {"x": 0.75}, {"x": (0.5, 0.75)})
    told = a_study(scheduler=Scripted(t0000_3=step), trials=2)
    told.starts_all()
    told.reports("t0001", 9.0)
    donors = told.saves("t0001")
    told.reports("t0001", 10.0)
    told.saves("t0001")
    assert told.reports("t0000", 1.0, 2.0, 3.0) is False
    told.saves("t0000")
    told.lets_go("t0000")

    assert told.starts() == "t0000"
    run = told.of_kind("run")[-1]
    assert (run.iteration, run.checkpoint) == (3, donors)
    assert told.trials["t0000"].values == {"x": 0.75}
    (record,) = told.exploits
    assert (record.trial, record.iteration, record.exploit.donor, record.exploit.donor_iteration) == (
        "t0000",
        3,
        "t0001",
        1,
    )
    assert record.exploit.changed == {"x": [0.5, 0.75]}


def test_a_loser_that_dies_before_its_first_checkpoint_goes_on_from_the_donors_again():
    told = a_study(scheduler=Scripted(t0000_1=Exploit("t0001", 1, {"x": 0.75})), trials=2, retries=1)
    told.starts_all()
    told.reports("t0001", 9.0)
    donors = told.saves("t0001")
    told.reports("t0000", 1.0)
    told.lets_go("t0000")
    told.starts()
    told.reports("t0000", 2.0, 3.0)
    told.fails("t0000")
    told.starts()
    run = told.of_kind("run")[-1]
    assert (run.iteration, run.checkpoint) == (1, donors)


def test_an_exploit_of_a_checkpoint_that_is_not_there_is_none():
    told = a_study(scheduler=Scripted(t0000_1=Exploit("t0001", 7, {"x": 0.75})), trials=2)
    told.starts_all()
    assert told.reports("t0000", 1.0) is True
    assert told.trials["t0000"].values != {"x": 0.75}
    assert told.exploits == []


def test_the_best_result_of_an_exploited_trial_keeps_the_values_it_was_made_with():
    told = a_study(scheduler=Scripted(t0000_2=Exploit("t0001", 1, {"x": 0.75})), trials=2)
    told.starts_all()
    first = dict(told.trials["t0000"].values)
    told.reports("t0001", 5.0)
    told.saves("t0001")
    told.reports("t0000", 8.0, 1.0)
    assert told.trials["t0000"].best.values == first


@pytest.mark.parametrize(
    ("trials", "parallel", "waiting"), [(2, 2, 0), (3, 2, 1), (3, 3, 0), (9, 2, 7)], ids=lambda number: str(number)
)
def test_a_scheduler_is_told_how_many_wait_beyond_the_slots_that_are_free(trials, parallel, waiting):
    scheduler = Scripted()
    told = a_study(scheduler=scheduler, trials=trials, parallel=parallel)
    told.starts_all()
    told.reports("t0000", 1.0)
    assert scheduler.told[-1][-1] == waiting


def test_slots_that_no_worker_has_brought_are_not_free():
    """Members take turns also where fewer workers came than trials may run at the same time."""
    scheduler = Scripted()
    told = a_study(scheduler=scheduler, trials=4, parallel=4)
    assert [told.starts(), told.starts()] == ["t0000", "t0001"]
    told.reports("t0000", 1.0)
    assert scheduler.told[-1][-1] == 2

    told.starts()
    told.starts()
    told.fails("t0003", "WorkerLost")
    told.reports("t0000", 1.0)
    assert scheduler.told[-1][-1] == 1


def test_a_loser_on_its_way_to_new_weights_makes_nobody_give_way_for_it():
    scheduler = Scripted(t0000_1=Exploit("t0001", 1, {"x": 0.75}))
    told = a_study(scheduler=scheduler, trials=2)
    told.starts_all()
    told.reports("t0001", 9.0)
    told.saves("t0001")
    told.reports("t0000", 1.0)
    told.reports("t0001", 9.5)
    assert scheduler.told[-1] == ("t0001", 2, 9.5, 0)


# ---------------------------------------------------------------------- the end


def test_the_end_of_the_experiment_stops_whatever_is_not_over():
    told = a_study(trials=9, scheduler=Scripted(t0001_1=Pause()), iterations=1)
    told.starts_all()
    told.completes("t0000", 1.0)
    told.starts()
    ended = Outcome(succeeded=True, reason="TargetReached", message="t0000 reached it")
    told.finish(ended, told.tick())

    assert told.outcome == ended
    assert told.unfinished == 0
    assert {trial.cause for trial in told.trials.values() if trial.state is State.STOPPED} == {"TargetReached"}
    assert told.starts() is None
    assert told.reports("t0001", 5.0) is False
    assert told.records[-1].kind == "finish"


def test_how_the_driver_before_was_lost_is_recorded_and_counted():
    told = a_study()
    told.study.begin(2, 1, told.study.budget, told.tick(), "OutOfMemory: driver of attempt 1 ended with exit code 137")
    told.study.begin(3, 1, told.study.budget, told.tick())
    assert [record.previous_end[:11] for record in told.records if record.kind == "attempt"][-2:] == ["OutOfMemory", ""]
    assert dict(told.study.failure_counts) == {"OutOfMemory": 1}


def test_minimised_objectives_are_better_when_smaller():
    told = a_study(directions=("Minimize",))
    told.starts()
    told.reports("t0000", 3.0, 1.0, 2.0)
    assert told.trials["t0000"].best.metrics == {"score0": 1.0}
    assert told.score({"score0": 1.0}) == -1.0
    assert told.score({"other": 1.0}) is None
