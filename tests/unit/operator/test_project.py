"""What status says in each situation, and when it is written."""

from __future__ import annotations

from typing import Any

from luthier.api.status import MOST, Activity, Population, Progress, Status, TrialCounts, Usage
from luthier.api.wire import Phase
from luthier.operator.conditions import ConditionType, find
from luthier.operator.decide import decide
from luthier.operator.observation import Observation, PodState
from luthier.operator.project import project, status_patch
from support.operator_builders import (
    NOW,
    a_best,
    a_driver,
    a_driver_that_ended,
    a_report,
    a_started_status,
    a_status,
    a_worker,
    ago,
    an_observation,
    an_outcome,
    in_,
    trouble,
)

WORKERS = (a_worker(0), a_worker(1))


def status_of(seen: Observation) -> Status:
    return project(seen, decide(seen, NOW), NOW)


def test_a_running_experiment_answers_in_one_line() -> None:
    report = a_report(done=3, best=a_best(), progress=Progress(percent=37, eta_seconds=260))
    status = status_of(an_observation(a_driver(), *WORKERS, report=report))
    assert (status.state, status.done, status.best_value, status.gpu_hours, status.eta) == (
        "Running",
        "3/8",
        "0.971235",
        "2.00",
        "4m",
    )
    assert (status.workers.ready, status.workers.desired, status.attempt) == (2, 2, 1)


def test_before_the_first_word_the_budget_is_known() -> None:
    status = status_of(an_observation())
    assert (status.state, status.done, status.trials.total) == ("Pending", "0/8", 8)


def test_a_second_round_without_news_changes_nothing() -> None:
    for seen in (
        an_observation(),
        an_observation(a_driver(), *WORKERS, report=a_report(best=a_best())),
        an_observation(a_driver(), suspend=True),
        an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=an_outcome(), best=a_best())),
        an_observation(a_driver_that_ended(1, attempt=3), previous=a_status(restarts=2)),
    ):
        first = status_of(seen)
        again = seen.__class__(**{**seen.__dict__, "previous": first})
        assert status_patch(first.to_json(), project(again, decide(again, in_(5)), in_(5))) == {}


def test_the_last_report_stands_until_a_newer_one_comes() -> None:
    reported = status_of(an_observation(a_driver(), *WORKERS, report=a_report(done=3, best=a_best())))
    silent = status_of(an_observation(a_driver(), *WORKERS, previous=reported))
    assert (silent.trials, silent.best, silent.state) == (reported.trials, reported.best, "Running")


def test_a_new_driver_that_is_still_reading_its_ledger_takes_nothing_away() -> None:
    before = a_started_status(trials=TrialCounts(total=8, succeeded=3, running=2, pending=3), best=a_best())
    starting = a_report(Phase.STARTING, attempt=2, done=0, running=0)
    status = status_of(an_observation(a_driver(attempt=2), report=starting, previous=before))
    assert (status.trials.succeeded, status.trials.running, status.trials.pending, status.best) == (3, 0, 5, a_best())


def test_no_trial_runs_where_no_driver_does() -> None:
    before = a_started_status(trials=TrialCounts(total=8, succeeded=3, running=2, pending=3), eta="4m")
    status = status_of(an_observation(suspend=True, previous=before))
    assert (status.trials.running, status.trials.pending, status.eta, status.state) == (0, 5, None, "Suspended")


def test_failures_are_counted_by_cause_and_the_counts_outlive_a_silent_driver() -> None:
    counts = {"OutOfMemory": 2, "Evicted": 1}
    counted = status_of(an_observation(a_driver(), *WORKERS, report=a_report(failure_counts=counts)))
    silent = status_of(an_observation(a_driver(), *WORKERS, report=a_report(), previous=counted))
    assert (counted.failure_counts, silent.failure_counts) == (counts, counts)


def test_a_short_last_word_keeps_the_lists_from_before() -> None:
    before = a_started_status(top=[a_best()], population=Population(generation=3))
    last = a_report(Phase.FINISHED, done=8, running=0, outcome=an_outcome())
    status = status_of(an_observation(a_driver_that_ended(0), last_words=last, previous=before))
    assert (status.state, status.top, status.population) == ("Succeeded", [a_best()], Population(generation=3))


def test_the_end_is_stamped_once() -> None:
    seen = an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=an_outcome()))
    ended = status_of(seen)
    later = an_observation(a_driver_that_ended(0), previous=ended)
    assert ended.completion_time == NOW
    assert project(later, decide(later, in_(99)), in_(99)).completion_time == NOW


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    before = a_started_status()
    status = status_of(an_observation(a_driver(), *WORKERS, report=a_report(), previous=before))
    running = find(status, ConditionType.RUNNING)
    stalled = find(status, ConditionType.STALLED)
    assert running is not None
    assert stalled is not None
    assert (running.last_transition_time, stalled.last_transition_time) == (ago(30), NOW)


def test_lost_drivers_are_counted_from_their_successors() -> None:
    status = status_of(an_observation(a_driver(attempt=3, restarts=2), previous=a_status(attempt=2, restarts=1)))
    assert (status.attempt, status.restarts) == (3, 2)


def test_the_most_telling_word_is_the_state() -> None:
    cases = {
        "Stalled": an_observation(a_driver(), *WORKERS, report=a_report(missing_metric="accuracy")),
        "Failed": an_observation(a_driver_that_ended(64)),
        "Suspended": an_observation(suspend=True),
        "Rejected": an_observation().__class__(**{**an_observation().__dict__, "experiment": None, "problems": ("x",)}),
    }
    assert {word: status_of(seen).state for word, seen in cases.items()} == {word: word for word in cases}


def test_a_patch_says_only_what_changed_and_takes_back_what_is_gone() -> None:
    before: dict[str, Any] = Status(eta="4m", trials=TrialCounts(total=8), attempt=1).to_json()
    after = Status(trials=TrialCounts(total=8, running=1), attempt=1, usage=Usage())
    assert status_patch(before, after) == {"eta": None, "trials": {"running": 1}}


def test_a_null_in_a_trials_parameters_does_not_make_endless_writes() -> None:
    best = a_best().model_copy(update={"parameters": {"lr": None}})
    status = Status(best=best)
    stored = status.to_json() | {"best": best.to_json() | {"parameters": {}}}
    assert status_patch(stored, status) == {}


def test_the_sentence_beside_the_state_is_its_condition_s() -> None:
    for seen in (
        an_observation(),
        an_observation(a_driver(), *WORKERS, report=a_report()),
        an_observation(suspend=True),
    ):
        status = status_of(seen)
        condition = next((c for c in status.conditions if c.type == status.state), find(status, ConditionType.RUNNING))
        assert condition is not None
        assert status.message == condition.message


def test_what_trials_did_outlives_a_report_without_room_for_it() -> None:
    told = a_report(activity=Activity(exploits=3), last_improvement_time=ago(9))
    seen = an_observation(a_driver(), *WORKERS, report=told)
    status = status_of(seen)
    assert (status.last_result_time, status.last_improvement_time) == (ago(3), ago(9))
    short = an_observation(a_driver(), *WORKERS, report=a_report(sequence=11), previous=status)
    assert status_of(short).activity == Activity(exploits=3)
    assert status_of(short).last_improvement_time == ago(9)


def test_the_largest_counts_that_are_believed_can_be_written_and_read_again() -> None:
    counts = TrialCounts(**dict.fromkeys(TrialCounts.model_fields, MOST))
    status = status_of(an_observation(previous=a_started_status(trials=counts)))
    assert Status.model_validate(status.to_json()).trials.pending == MOST


def test_the_one_word_of_a_stall_stands_there_only_while_nothing_moves() -> None:
    stuck = status_of(an_observation(a_driver(PodState.PENDING, trouble=trouble("ImagePull"))))
    assert (stuck.state, stuck.stalled) == ("Stalled", "ImagePull")
    moving = status_of(an_observation(a_driver(), *WORKERS, report=a_report(), previous=stuck))
    assert moving.stalled is None
    said = find(moving, ConditionType.STALLED)
    assert said is not None
    assert said.reason == "Progressing"
    assert status_patch(stuck.to_json(), moving)["stalled"] is None
