"""What one attempt at an experiment does, on a real Ray with real actors."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from luthier.trial import ledger
from luthier.trial.ending import outcome
from luthier.trial.engine import Engine
from luthier.trial.errors import BadExperiment, Fenced
from luthier.trial.tune_bridge import controller_for
from support.real_runs import an_experiment, records, run

pytestmark = pytest.mark.ray


def test_each_trial_reports_as_often_as_it_likes_and_the_count_is_exact(tmp_path):
    report = run(an_experiment("quadratic", trials=6, parallelTrials=3), tmp_path)

    assert report.outcome.reason == "TrialsDone"
    assert report.trials.succeeded == report.trials.total == 6
    assert Counter(r.trial for r in records(tmp_path, "result")) == {f"t{i:04d}": 3 for i in range(6)}


def test_a_trial_is_complete_at_the_budgets_iterations(tmp_path):
    run(an_experiment("counts_and_saves", trials=3, iterationsPerTrial=4), tmp_path)

    assert Counter(r.trial for r in records(tmp_path, "result")) == {"t0000": 4, "t0001": 4, "t0002": 4}


def test_trials_share_warm_processes(tmp_path):
    run(an_experiment("WithoutReset", trials=6, parallelTrials=2, iterationsPerTrial=2), tmp_path)

    assert len({r.metrics["process"] for r in records(tmp_path, "result")}) <= 2


def test_a_class_without_reset_config_starts_each_trial_afresh(tmp_path):
    run(an_experiment("WithoutReset", trials=4, iterationsPerTrial=1), tmp_path)

    values = {r.trial: r.values["x"] for r in records(tmp_path, "trial")}
    assert {r.trial: r.metrics["total"] for r in records(tmp_path, "result")} == pytest.approx(values)


def test_the_result_that_a_trial_marks_as_its_last_counts(tmp_path):
    report = run(an_experiment("EndsItself", trials=1), tmp_path)

    assert report.best.metrics == {"loss": 6.0}
    assert report.trials.succeeded == 1


def test_a_trial_that_raises_fails_with_the_end_of_its_error(tmp_path):
    report = run(an_experiment("raises", trials=2, failedTrials=5), tmp_path)

    assert report.outcome.reason == "NoTrialSucceeded"
    assert [failure.cause for failure in report.failures] == ["Exception", "Exception"]
    assert "is no good" in report.failures[0].message


def test_the_experiment_fails_when_more_trials_fail_than_the_budget_tolerates(tmp_path):
    report = run(an_experiment("raises", trials=10, failedTrials=1), tmp_path)

    assert report.outcome.reason == "TooManyFailures"
    assert "is no good" in report.outcome.message
    assert report.trials.failed == 2


def test_a_retried_trial_goes_on_from_its_checkpoint(tmp_path):
    report = run(an_experiment("raises_once", trials=1, retries=1), tmp_path)

    assert report.trials.succeeded == 1
    assert [r.metrics["step"] for r in records(tmp_path, "result")] == [1, 2, 3, 4, 5]
    assert len(records(tmp_path, "retry")) == 1


def test_a_trial_whose_metric_is_no_number_fails_as_that(tmp_path):
    report = run(an_experiment("reports_nan", trials=1), tmp_path)

    assert report.failures[0].cause == "NotFinite"
    assert "loss was nan at iteration 2" in report.failures[0].message


def test_a_trial_that_never_reports_fails_as_that(tmp_path):
    report = run(an_experiment("never_reports", trials=1), tmp_path)

    assert report.failures[0].cause == "NoResult"


def test_a_metric_that_is_never_reported_is_named_with_those_that_are(tmp_path):
    report = run(an_experiment("reports_another_metric", trials=1), tmp_path)

    assert report.missing_metric == "loss"
    assert report.metrics_seen == ["val_loss"]
    assert "never reported loss; it reported val_loss" in report.failures[0].message


def test_a_module_that_does_not_exist_is_the_users_to_mend(tmp_path):
    experiment = an_experiment("x", trials=1, trial={"function": "support.nowhere:x"})

    with pytest.raises(BadExperiment, match=r"import of support\.nowhere failed"):
        run(experiment, tmp_path)


def test_a_target_ends_the_experiment_and_stops_what_still_runs(tmp_path):
    experiment = an_experiment("slowly_counts_and_saves", trials=50, parallelTrials=2)
    objective = experiment.spec.objectives[0].model_copy(update={"target": 0.5})
    spec = experiment.spec.model_copy(update={"objectives": [objective]})

    report = run(experiment.model_copy(update={"spec": spec}), tmp_path)

    assert report.outcome.reason == "TargetReached"
    assert report.trials.finished == len(records(tmp_path, "trial"))
    assert report.trials.running == 0


def test_a_spent_duration_ends_the_experiment(tmp_path):
    report = run(an_experiment("slowly_counts_and_saves", trials=1, durationSeconds=1), tmp_path)

    assert report.outcome.reason == "DurationReached"
    assert report.trials.stopped == 1


def test_an_interrupted_experiment_goes_on_where_it_was(tmp_path):
    experiment = an_experiment("slowly_counts_and_saves", trials=2, parallelTrials=2, iterationsPerTrial=8)
    first = Engine(experiment, tmp_path, 1, lambda report: first.stop() if report.progress.percent >= 25 else None)
    interrupted = first.run()
    assert interrupted.outcome is None

    report = run(experiment, tmp_path, attempt=2)

    assert report.outcome.reason == "TrialsDone"
    per_trial = {name: [] for name in ("t0000", "t0001")}
    for record in records(tmp_path, "result"):
        per_trial[record.trial].append((record.iteration, record.metrics["step"]))
    assert per_trial == {name: [(i, i) for i in range(1, 9)] for name in per_trial}


def test_an_older_attempt_cannot_write_once_a_newer_one_has_begun(tmp_path):
    experiment = an_experiment("slowly_counts_and_saves", trials=1, iterationsPerTrial=100)
    taken = threading.Event()

    def overtake(report):
        if report.trials.running and not taken.is_set():
            taken.set()
            ledger.Ledger(tmp_path, 2)

    with pytest.raises(Fenced):
        run(experiment, tmp_path, attempt=1, on_report=overtake)


def test_a_raised_budget_takes_effect_while_running(tmp_path):
    experiment = an_experiment("quadratic", trials=2)
    edited = experiment.spec.budget.model_copy(update={"trials": 5})
    engine = Engine(experiment, tmp_path, 1, lambda report: engine.change_budget(2, edited))

    report = engine.run()

    assert (report.generation, report.trials.succeeded) == (2, 5)


def test_ray_tune_keeps_nothing_of_runs_that_have_ended(tmp_path):
    experiment = an_experiment("quadratic", trials=12, parallelTrials=2)
    engine = Engine(experiment, tmp_path, 1, lambda report: None)
    engine.study.begin(1, 1, experiment.spec.budget, time.time())
    controller, _ = controller_for(experiment, engine.study, tmp_path, 1, engine.nodes)
    kept = 0
    while outcome(engine.study, time.time()) is None:
        controller.step()
        kept = max(kept, len(controller.get_trials()), len(controller.__dict__["_trials_to_cache"]))
    controller.cleanup()
    assert len(engine.study.trials) == 12
    assert kept <= 4
