"""How runs end badly on a real Ray, and what becomes of their trials."""

from __future__ import annotations

import pytest

from support.real_runs import an_experiment, records, results_of, run

CAUSES = {
    "raises": ("Exception", "is no good"),
    "runs_out_of_memory": ("OutOfMemory", "no room for another 9 GiB"),
    "runs_out_of_gpu_memory": ("CudaOutOfMemory", "Tried to allocate"),
    "reports_nan": ("NotFinite", "loss was nan"),
    "never_reports": ("NoResult", "without a report"),
}


@pytest.mark.parametrize("function", CAUSES)
def test_the_class_of_a_failure_and_its_last_words_are_told(tmp_path, function):
    cause, words = CAUSES[function]
    report = run(an_experiment(function, trials=1), tmp_path)

    assert [failure.cause for failure in report.failures] == [cause]
    assert words in report.failures[0].message
    assert report.failure_counts == {cause: 1}
    assert [record.cause for record in records(tmp_path, "end")] == [cause]


def test_the_words_of_a_failure_are_the_users_own_lines(tmp_path):
    (failure,) = run(an_experiment("raises", trials=1), tmp_path).failures
    assert "tests/support/trainables.py" in failure.message
    assert "site-packages/ray" not in failure.message


@pytest.mark.parametrize("function", ["hangs_after_its_first_report", "HangsInSetup", None])
def test_a_run_that_says_nothing_for_too_long_is_ended_as_a_hang(tmp_path, function):
    program = None if function else ["sh", "-c", "echo loss=1; sleep 1000"]
    report = run(an_experiment(function, command=program, trials=1, trial={"hangTimeoutSeconds": 5}), tmp_path)

    assert report.failure_counts == {"Hang": 1}
    assert report.failures[0].message == "no report for 5 seconds (trial.hangTimeoutSeconds)"


def test_a_trial_that_hung_goes_on_from_its_checkpoint_in_a_fresh_process(tmp_path):
    experiment = an_experiment(
        "HangsInItsThirdStep", trials=1, iterationsPerTrial=4, retries=1, trial={"hangTimeoutSeconds": 8}
    )
    report = run(experiment, tmp_path)

    assert report.trials.succeeded == 1
    assert report.failure_counts == {"Hang": 1}
    results = results_of(tmp_path)
    assert [iteration for _, iteration in results] == [1, 2, 3, 4]
    assert results["t0000", 2]["process"] != results["t0000", 3]["process"]
    x = results["t0000", 1]["total"]
    assert results["t0000", 4]["total"] == pytest.approx(4 * x)


def test_code_that_raises_when_its_process_is_used_again_is_to_blame_and_not_the_worker(tmp_path):
    report = run(an_experiment("CannotBeReset", trials=2), tmp_path)

    assert report.failure_counts == {"Exception": 1}
    assert report.failures[0].message.endswith("ValueError: one trial is enough")


def test_a_failure_may_end_the_experiment_at_once(tmp_path):
    policy = {"retryPolicy": [{"cause": "Exception", "action": "FailExperiment"}]}
    report = run(an_experiment("raises", trials=50, trial=policy), tmp_path)

    assert report.outcome.reason == "FailedFast"
    assert "is no good" in report.outcome.message
    assert report.trials.failed == 1
