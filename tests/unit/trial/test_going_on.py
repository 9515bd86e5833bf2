"""Editing the budget while the experiment runs and after its end: what goes on, what stays as it is, and from where."""

from __future__ import annotations

import pytest

from luthier.api.experiment import Budget
from luthier.trial.records import BudgetChanged
from luthier.trial.trial_state import State
from support.builders import a_double, a_spec
from support.studies import ToldStudy

SCHEDULE = {"replay": {"schedule": [{"firstIteration": 4, "values": {"x": 0.125}}]}}


def a_study(*, scheduler=None, retries=0, **spec):
    made = a_spec(a_double("x"), scheduler=scheduler, **{"trials": 3, "parallel": 3, "iterations": 3, **spec})
    tolerant = made.budget.model_copy(update={"failed_trials": 100})
    trial = made.trial.model_copy(update={"retries": retries})
    return ToldStudy(made.model_copy(update={"budget": tolerant, "trial": trial})).begins()


def saves_and_completes(told, name, *scores):
    for score in scores:
        told.reports(name, score)
        told.saves(name)
    told.lets_go(name)


def ended(told, *last_scores):
    """Bring three trials of three iterations to their end."""
    for name, score in zip(told.starts_all(), last_scores or (1.0, 3.0, 2.0), strict=True):
        saves_and_completes(told, name, 0.0, 0.5, score)
    told.ends()
    assert told.outcome.reason == "TrialsDone"
    return told


def edits(told, **budget):
    told.change_budget(told.generation + 1, told.budget.model_copy(update=budget), told.tick())
    return told


# ---------------------------------------------------------------------- after the end


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        pytest.param({"trials": 8}, {"trials": 9}, ["trials"], id="more trials"),
        pytest.param({"trials": 8}, {"trials": 7}, [], id="fewer trials"),
        pytest.param({"parallel_trials": 1}, {"parallel_trials": 9}, [], id="more at a time"),
        pytest.param(
            {"iterations_per_trial": 3}, {"iterations_per_trial": 4}, ["iterationsPerTrial"], id="more iterations"
        ),
        pytest.param({"iterations_per_trial": 3}, {}, ["iterationsPerTrial"], id="no end of iterations"),
        pytest.param({}, {"iterations_per_trial": 3}, [], id="an end of iterations"),
        pytest.param({"duration_seconds": 5}, {"duration_seconds": 6}, ["durationSeconds"], id="more time"),
        pytest.param({"gpu_hours": 1.5}, {}, ["gpuHours"], id="no end of GPU hours"),
        pytest.param({}, {"failed_trials": 4}, ["failedTrials"], id="more failures"),
        pytest.param({"stop": True}, {}, ["stop"], id="no stop any more"),
        pytest.param({}, {"stop": True}, [], id="a stop"),
        pytest.param({"trials": 9, "gpu_hours": 1}, {"trials": 3, "gpu_hours": 2}, ["gpuHours"], id="one up, one down"),
    ],
)
def test_which_edits_ask_for_more(before, after, raised):
    assert Budget(**after).raised_since(Budget(**before)) == raised


def test_more_trials_go_on_with_all_that_was_learnt():
    told = ended(a_study(algorithm="TPE")).again().begins(trials=5)
    assert told.outcome is None
    assert told.starts_all() == ["t0003", "t0004"]
    history = told._searcher.state()["history"]
    assert [event["trial"] for event in history if "ending" in event] == ["t0000", "t0001", "t0002"]


def test_an_end_that_nothing_was_added_to_stays_an_end():
    told = ended(a_study())
    for budget in ({}, {"trials": 2}, {"parallel_trials": 9}, {"iterations_per_trial": 2}):
        told = told.again().begins(**budget)
        assert told.outcome.reason == "TrialsDone"
        assert told.starts() is None


def test_a_budget_that_was_lowered_after_the_end_is_measured_against_the_end_when_it_is_raised_again():
    told = ended(a_study()).again().begins(trials=1).again().begins(trials=3)
    assert told.outcome.reason == "TrialsDone"
    assert told.again().begins(trials=4).outcome is None


def test_a_later_end_of_trials_deepens_the_complete_ones_best_first_from_their_checkpoints():
    told = ended(a_study()).again().begins(iterations_per_trial=5, parallel_trials=1)
    order = []
    while name := told.starts():
        order.append(name)
        saves_and_completes(told, name, 4.0, 5.0)
    told.ends()

    assert order == ["t0001", "t0002", "t0000"]
    assert [record.iteration for record in told.of_kind("run")[3:]] == [3, 3, 3]
    assert all(record.checkpoint for record in told.of_kind("run")[3:])
    assert {trial.iteration for trial in told.trials.values()} == {5}
    assert told.outcome.reason == "TrialsDone"


def test_a_deepened_trial_without_a_checkpoint_begins_anew_and_its_repeats_do_not_count():
    told = a_study(trials=1, parallel=1)
    told.completes(told.starts(), 1.0, 2.0, 3.0)
    told.ends()
    told = told.again().begins(iterations_per_trial=4)
    assert told.starts() == "t0000"
    assert told.of_kind("run")[-1].iteration == 0
    assert told.reports("t0000", 9.0, 9.0, 9.0) is True
    assert told.reports("t0000", 4.0) is False
    assert [record.metrics["score0"] for record in told.of_kind("result")] == [1.0, 2.0, 3.0, 4.0]


def test_a_trial_that_ended_by_itself_or_was_stopped_or_failed_stays_as_it_is():
    told = a_study(trials=4, parallel=4, scheduler={"asha": {"gracePeriod": 2}}, iterations=9)
    told.starts_all()
    saves_and_completes(told, "t0000", *[1.0] * 9)
    saves_and_completes(told, "t0001", 1.0)
    told.fails("t0002")
    told.reports("t0003", 0.0, 0.0)
    told.lets_go("t0003")
    told.ends()
    assert told.state_of("t0003") is State.STOPPED

    told = told.again().begins(iterations_per_trial=27)

    assert told.starts_all() == ["t0000"]
    assert [told.state_of(f"t000{i}") for i in (1, 2, 3)] == [State.SUCCEEDED, State.FAILED, State.STOPPED]


def test_trials_that_were_stopped_by_the_end_go_on_when_there_is_more_time():
    told = a_study(iterations=None, parallel=2, algorithm="TPE")
    edits(told, duration_seconds=20)
    assert told.starts_all() == ["t0000", "t0001"]
    told.reports("t0000", 1.0)
    told.saves("t0000")
    told.tick(20)
    told.ends()
    assert told.outcome.reason == "DurationReached"
    assert told.count(State.STOPPED) == 2
    spent = told.running_seconds(told.now)

    told = told.again().begins(duration_seconds=60)

    assert told.starts_all() == ["t0000", "t0001"]
    assert [record.iteration for record in told.of_kind("run")[2:]] == [1, 0]
    assert told.running_seconds(told.now) == pytest.approx(spent + 3, abs=1)
    told.completes("t0000", 2.0)
    assert [e["trial"] for e in told._searcher.state()["history"] if "ending" in e] == ["t0000"], "it was never told"


def test_what_the_user_stopped_goes_on_where_it_was_when_he_takes_it_back():
    told = a_study(parallel=2)
    told.starts_all()
    told.reports("t0000", 1.0)
    told.saves("t0000")
    edits(told, stop=True)
    told.ends()
    assert (told.outcome.reason, told.outcome.succeeded) == ("Stopped", True)
    assert told.again().begins(stop=True).outcome is not None

    told = told.again().begins(stop=False)

    assert told.starts_all() == ["t0000", "t0001"]
    assert [record.iteration for record in told.of_kind("run")[2:]] == [1, 0]


def test_members_that_waited_for_the_scheduler_wait_for_it_again():
    told = a_study(scheduler={"hyperband": {"reductionFactor": 3}}, trials=9, parallel=1, iterations=9)
    edits(told, duration_seconds=200)
    for _ in range(4):
        name = told.starts()
        told.reports(name, 1.0)
        told.saves(name)
        told.lets_go(name)
    told.tick(200)
    told.ends()
    assert told.count(State.STOPPED) == 4

    told = told.again().begins(duration_seconds=1000)

    assert told.count(State.PAUSED) == 4
    assert told.starts() == "t0004"


def test_more_tolerated_failures_let_a_failed_experiment_go_on():
    told = a_study(trials=9, parallel=2)
    edits(told, failed_trials=1)
    for _ in range(2):
        told.fails(told.starts())
    survivor = told.starts()
    told.reports(survivor, 1.0)
    told.saves(survivor)
    told.ends()
    assert told.outcome.reason == "TooManyFailures"

    told = told.again().begins(failed_trials=4)

    assert told.outcome is None
    assert told.starts_all() == [survivor, "t0003"]
    assert told.count(State.FAILED) == 2


def test_a_reason_to_end_that_still_holds_ends_it_again_with_the_new_budget():
    spec = a_spec(a_double("x"), trials=2, parallel=1, iterations=2)
    objective = spec.objectives[0].model_copy(update={"target": 0.5})
    told = ToldStudy(spec.model_copy(update={"objectives": [objective]})).begins()
    told.completes(told.starts(), 0.1, 0.9)
    told.ends()
    told = told.again().begins(trials=9)
    told.ends()
    assert told.outcome.reason == "TargetReached"
    assert told.ended_budget.trials == 9
    assert told.again().begins(trials=9).outcome.reason == "TargetReached"


def test_the_searcher_learns_what_a_deepened_trial_is_worth_now():
    told = ended(a_study(algorithm="TPE")).again().begins(iterations_per_trial=4)
    told.starts_all()
    saves_and_completes(told, "t0000", 7.0)
    endings = {e["trial"]: (e["iteration"], e["scores"]) for e in told._searcher.state()["history"] if "ending" in e}
    assert endings == {"t0000": (4, [7.0]), "t0001": (3, [3.0]), "t0002": (3, [2.0])}


def test_a_deepened_trial_that_fails_keeps_the_result_it_had_when_it_was_complete():
    told = ended(a_study()).again().begins(iterations_per_trial=4)
    told.starts_all()
    told.fails("t0001", "NotFinite")
    assert told.state_of("t0001") is State.FAILED
    assert told.trials["t0001"].has_result
    assert told.trials["t0001"].best.score == 3.0
    assert not a_failure_before_its_end().has_result


def a_failure_before_its_end():
    told = a_study()
    told.starts()
    told.reports("t0000", 1.0)
    told.fails("t0000")
    return told.trials["t0000"]


def test_a_driver_that_dies_before_it_records_the_new_budget_leaves_that_to_the_next():
    told = ended(a_study()).again().begins(trials=5)
    before_the_edit = max(i for i, record in enumerate(told.records) if isinstance(record, BudgetChanged))
    read = told.again(upto=before_the_edit)
    assert read.outcome is not None
    assert read.begins(trials=5).starts_all() == ["t0003", "t0004"]


# ---------------------------------------------------------------------- while it runs


def test_a_later_end_lets_complete_trials_go_on_while_others_still_run():
    told = a_study(parallel=2)
    told.starts_all()
    saves_and_completes(told, "t0000", 1.0, 1.0, 1.0)
    edits(told, iterations_per_trial=5)
    assert told.starts() == "t0000"
    assert told.of_kind("run")[-1].iteration == 3


def test_a_trial_that_is_just_being_saved_at_its_old_end_goes_on_from_there():
    told = a_study(trials=1, parallel=1)
    told.starts()
    told.reports("t0000", 1.0, 2.0, 3.0)
    edits(told, iterations_per_trial=5)
    assert told.starts() is None, "its run has not let go yet"
    told.saves("t0000")
    told.lets_go("t0000")
    assert told.starts() == "t0000"
    assert told.of_kind("run")[-1].iteration == 3


def test_a_trial_beyond_an_earlier_end_is_complete_at_its_next_report():
    told = a_study(iterations=9)
    told.starts_all()
    told.reports("t0000", 1.0, 1.0, 1.0, 1.0)
    edits(told, iterations_per_trial=3)
    assert told.reports("t0000", 1.0) is False
    assert told.state_of("t0000") is State.SUCCEEDED
    assert told.trials["t0000"].iteration == 5


def test_an_earlier_end_that_is_taken_back_takes_back_what_was_complete_only_by_it():
    told = a_study(iterations=9)
    told.starts_all()
    saves_and_completes(told, "t0000", *[1.0] * 9)
    edits(told, iterations_per_trial=3)
    told.reports("t0001", 1.0, 1.0, 1.0)
    told.lets_go("t0001")
    edits(told, iterations_per_trial=9)
    assert told.starts_all() == ["t0001"]


def test_fewer_at_a_time_ends_no_run_but_starts_none_until_there_are_fewer():
    told = a_study(trials=5, parallel=3)
    told.starts_all()
    edits(told, parallel_trials=1)
    assert told.reports("t0000", 1.0) is True
    for name in ("t0000", "t0001"):
        told.completes(name, 1.0, 1.0)
        assert told.starts() is None
    told.completes("t0002", 1.0, 1.0, 1.0)
    assert told.starts_all() == ["t0003"]


def test_asha_halves_on_at_rungs_above_the_end_it_began_with():
    told = a_study(scheduler={"asha": {"gracePeriod": 1}}, trials=3, iterations=3)
    told.starts_all()
    edits(told, iterations_per_trial=9)
    for name, score in (("t0000", 3.0), ("t0001", 3.0), ("t0002", 3.0)):
        told.reports(name, score, score)
    assert told.reports("t0000", 9.0) is True
    assert told.reports("t0001", 1.0) is False
    assert "rung 3: 1 is below the 9" in told.trials["t0001"].message


def test_a_change_of_parameters_that_is_due_after_the_end_is_made_when_the_end_is_moved():
    told = a_study(scheduler=SCHEDULE, trials=1, parallel=1)
    saves_and_completes(told, told.starts(), 1.0, 1.0, 1.0)
    told.ends()
    told = told.again().begins(iterations_per_trial=5)
    told.starts()
    assert told.trials["t0000"].values == {"x": 0.125}
