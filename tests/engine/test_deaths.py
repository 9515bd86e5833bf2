"""Whatever dies, the experiment goes on: a trial's process, the setup of one, the driver with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from luthier.trial import ledger
from support.real_runs import (
    a_population,
    an_experiment,
    assert_everyone_else_went_on_from_where_it_was,
    assert_losers_went_on_from_their_donors,
    records,
    results_of,
    run,
)

pytestmark = pytest.mark.ray


def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint_and_is_not_blamed(tmp_path):
    killed = []

    def kill_once(report):
        if report.best and not killed:
            killed.append(int(report.best.metrics["process"]))
            os.kill(killed[0], signal.SIGKILL)

    experiment = a_population("SlowWeights", scheduler=None, trials=2, iterationsPerTrial=12)
    report = run(experiment, tmp_path, on_report=kill_once)

    assert killed
    assert report.trials.succeeded == 2
    (retry,) = records(tmp_path, "retry")
    assert (retry.cause, retry.counted) == ("WorkerLost", False)
    assert report.activity.retries == {"WorkerLost": 1}
    assert report.usage.wasted_trial_seconds.keys() == {"Disrupted"}
    assert 0 < report.usage.wasted_trial_seconds["Disrupted"] < report.usage.trial_seconds
    results = results_of(tmp_path)
    assert len(results) == 24
    assert all(results[trial, i]["began"] == results[trial, i - 1]["ended"] for trial, i in results if i > 1)


def test_a_setup_that_fails_is_the_trials_own_fault_and_says_why(tmp_path):
    report = run(an_experiment("NeverBorn", trials=2, failedTrials=5), tmp_path)

    assert [failure.cause for failure in report.failures] == ["Exception", "Exception"]
    assert "no data at /nowhere" in report.failures[0].message
    assert records(tmp_path, "retry") == []


def test_what_no_ledger_can_hold_harms_nobody(tmp_path):
    report = run(an_experiment("reports_what_no_ledger_can_hold", trials=1), tmp_path)

    assert report.trials.succeeded == 1
    (metrics,) = results_of(tmp_path).values()
    assert metrics == {"loss": 1.0, "half ?": 1.0, "7/8": 9.0, "deep/a/b": 2.0}


A_DRIVER = """
import sys
from pathlib import Path
from luthier.trial.run import run_experiment
from support.real_runs import a_population
run_experiment(a_population("SlowWeights", iterationsPerTrial=10), Path(sys.argv[1]), code=None, on_report=print)
"""


def test_a_killed_driver_with_all_that_it_started_costs_nothing_but_the_last_steps(tmp_path):
    support = str(Path(__file__).parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([support, os.environ.get("PYTHONPATH", "")])}
    driver = subprocess.Popen(
        [sys.executable, "-c", A_DRIVER, str(tmp_path)],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(records(tmp_path, "result")) < 15 and time.monotonic() < deadline and driver.poll() is None:
        time.sleep(0.05)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {(record.trial, record.iteration) for record in records(tmp_path, "result")}
    assert 15 <= len(before) < 40
    over = {record.trial for record in ledger.read(tmp_path) if getattr(record, "decision", "") == "Complete"}

    report = run(a_population("SlowWeights", iterationsPerTrial=10), tmp_path, attempt=2)

    assert report.trials.succeeded == report.trials.total == 4
    counted = [(record.trial, record.iteration) for record in records(tmp_path, "result")]
    assert len(counted) == len(set(counted)) == 40
    second = [record for record in ledger.read(tmp_path) if record.time >= records(tmp_path, "attempt")[1].time]
    began = {record.trial: record for record in reversed(second) if record.kind == "run"}
    assert not began.keys() & over
    assert not [record for record in second if record.kind == "trial"]
    reached = {name: max(iteration for trial, iteration in before if trial == name) for name in began}
    assert all(reached[name] - began[name].iteration <= 1 for name in began)  # it saves at every report
    assert_losers_went_on_from_their_donors(tmp_path)
    assert_everyone_else_went_on_from_where_it_was(tmp_path)
    known = {r.checkpoint for r in records(tmp_path, "saved")} - {r.checkpoint for r in records(tmp_path, "dropped")}
    of_the_dead = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("trials/*_1_*/*")}
    assert of_the_dead <= known
