"""Trials that are programs: what they are told, how they report, and that nothing of them is left."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.real_runs import an_experiment, records, results_of, run

pytestmark = pytest.mark.ray


def a_program(script, **more):
    return an_experiment(command=["sh", "-c", script], **more)


def is_gone(pid):
    """Whether a process has ended; one that nobody has reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def all_are_gone(pids, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(map(is_gone, pids)):
        time.sleep(0.1)
    return all(map(is_gone, pids))


def test_a_program_is_told_its_parameters_in_three_ways_and_reports_in_two(tmp_path):
    """It leaves a child that holds its output open; nobody waits for that."""
    script = """
        sleep 1000 &
        echo loss=$(x) told=$LUTHIER_PARAM_x number=${LUTHIER_TRIAL#t} child=$!
        echo chatter that is no metric
        echo "{\\"loss\\": $(x), \\"file\\": $(sed 's/.*: *//; s/}//' $LUTHIER_PARAMETERS_FILE)}"
    """.replace("$(sed", "`sed").replace("FILE)}", "FILE`}")
    report = run(a_program(script, trials=3), tmp_path)

    assert report.trials.succeeded == 3
    values = {record.trial: record.values["x"] for record in records(tmp_path, "trial")}
    results = results_of(tmp_path)
    assert results.keys() == {(trial, iteration) for trial in values for iteration in (1, 2)}
    for (trial, iteration), metrics in results.items():
        assert metrics["loss"] == values[trial]
        assert metrics["told" if iteration == 1 else "file"] == values[trial]
    assert [results[trial, 1]["number"] for trial in sorted(values)] == [0, 1, 2]
    assert all_are_gone([int(metrics["child"]) for metrics in results.values() if "child" in metrics])


def test_metrics_are_read_from_the_trials_own_file_line_by_line(tmp_path):
    script = (
        'echo loss=99; echo loss=$(x) >> m.txt; sleep 0.3; echo "{\\"loss\\": $(x)}" >> m.txt; printf loss=0 >> m.txt'
    )
    source = {"metricsFrom": "File", "metricsFile": "m.txt"}
    report = run(a_program(script, trials=3, trial=source), tmp_path)

    assert report.trials.succeeded == 3
    values = {record.trial: record.values["x"] for record in records(tmp_path, "trial")}
    expected = {(trial, i): value for trial, x in values.items() for i, value in enumerate((x, x, 0.0), start=1)}
    assert {key: metrics["loss"] for key, metrics in results_of(tmp_path).items()} == expected


def test_a_program_that_fails_says_how_and_a_program_that_is_not_there_too(tmp_path):
    failing = a_program("echo loss=1; for i in 1 2 3; do echo line $i >&2; done; exit 3", trials=1)
    (failure,) = run(failing, tmp_path / "a").failures
    assert failure.cause == "ExitCode"
    assert failure.message == "exit code 3; last lines:\nloss=1\nline 1\nline 2\nline 3"

    absent = an_experiment(command=["no-such-program"], trials=2, failedTrials=5)
    report = run(absent, tmp_path / "b")
    assert [failure.cause for failure in report.failures] == ["Exception", "Exception"]
    assert "no-such-program" in report.failures[0].message


def test_a_program_that_is_stopped_ends_with_all_its_children(tmp_path):
    script = "sleep 1000 & while true; do echo loss=$(x) child=$! own=$$; sleep 0.1; done"
    scheduler = {"asha": {"gracePeriod": 1, "reductionFactor": 2}}
    report = run(a_program(script, trials=4, parallelTrials=2, iterationsPerTrial=4, scheduler=scheduler), tmp_path)

    assert report.trials.finished == 4
    assert report.trials.stopped > 0
    results = results_of(tmp_path).values()
    assert all_are_gone({int(metrics[name]) for metrics in results for name in ("child", "own")})
