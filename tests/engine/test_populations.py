"""Schedulers that stop, pause and copy trials, on a real Ray: weights really move, and the ledger says how."""

from __future__ import annotations

from collections import Counter

import pytest

from luthier.trial.errors import BadExperiment
from support.real_runs import (
    LR,
    a_population,
    an_experiment,
    assert_everyone_else_went_on_from_where_it_was,
    assert_losers_went_on_from_their_donors,
    exploits_of,
    records,
    results_of,
    run,
    run_and_stop,
)

pytestmark = pytest.mark.ray


def test_a_losers_next_step_begins_with_the_very_weights_that_its_donor_saved(tmp_path):
    report = run(a_population(), tmp_path)

    assert report.outcome.reason == "TrialsDone"
    assert report.trials.succeeded == 4
    assert Counter(trial for trial, _ in results_of(tmp_path)) == {f"t{number:04d}": 8 for number in range(4)}
    assert_losers_went_on_from_their_donors(tmp_path)
    assert_everyone_else_went_on_from_where_it_was(tmp_path)

    processes = {metrics["process"] for metrics in results_of(tmp_path).values()}
    assert len(processes) <= 3

    exploits = exploits_of(tmp_path)
    assert report.population.exploits == len(exploits)
    for record in exploits:
        assert record.exploit.donor != record.trial
        assert record.exploit.checkpoint
        assert record.exploit.changed.keys() <= {"lr"}
        assert record.time > 0


def test_an_interrupted_population_goes_on_intact(tmp_path):
    experiment = a_population("SlowWeights", iterationsPerTrial=10)
    interrupted = run_and_stop(experiment, tmp_path, 1, lambda report: report.progress.percent >= 40)
    assert interrupted.outcome is None
    before = len(records(tmp_path, "result"))

    report = run(experiment, tmp_path, attempt=2)

    assert report.trials.succeeded == 4
    counted = [(record.trial, record.iteration) for record in records(tmp_path, "result")]
    assert len(counted) == len(set(counted)) == 40
    assert before < 40
    assert_losers_went_on_from_their_donors(tmp_path)
    assert_everyone_else_went_on_from_where_it_was(tmp_path)


def test_a_function_takes_over_its_donors_checkpoint_too(tmp_path):
    places = {"name": "x", "type": "Double", "min": 0, "max": 1}
    report = run(a_population("counts_and_saves", metric="step", parameters=(places,)), tmp_path)

    assert report.trials.succeeded == 4
    results, exploits = results_of(tmp_path), exploits_of(tmp_path)
    assert exploits
    for record in exploits:
        donors = results[record.exploit.donor, record.exploit.donor_iteration]["step"]
        assert results[record.trial, record.iteration + 1]["step"] == donors + 1


@pytest.mark.parametrize(
    ("scheduler", "slots"),
    [
        ({"hyperband": {"reductionFactor": 2}}, 1),
        ({"hyperband": {"reductionFactor": 2}}, 2),
        ({"asha": {"gracePeriod": 1, "reductionFactor": 2}}, 2),
        ({"medianStopping": {"gracePeriod": 1, "minTrials": 1}}, 2),
        ({"pb2": {"perturbationInterval": 2}}, 2),
    ],
    ids=["hyperband with one slot", "hyperband with two", "asha", "median stopping", "pb2"],
)
def test_every_trial_ends_and_iterations_are_saved(tmp_path, scheduler, slots):
    experiment = an_experiment(
        "Weights",
        parameters=(LR,),
        metric="score",
        direction="Maximize",
        scheduler=scheduler,
        trials=5,
        parallelTrials=slots,
        iterationsPerTrial=4,
    )
    report = run(experiment, tmp_path)

    assert report.outcome.reason == "TrialsDone"
    assert report.trials.finished == report.trials.total == 5
    assert report.trials.failed == 0
    stops = "pb2" not in scheduler
    assert (report.trials.stopped > 0) is stops
    assert (len(results_of(tmp_path)) < 20) is stops
    for end in records(tmp_path, "end"):
        assert end.ending == "Succeeded" or (end.cause == "Scheduler" and end.message)


def test_a_class_that_cannot_save_is_refused_where_checkpoints_move(tmp_path):
    with pytest.raises(BadExperiment, match=r"scheduler\.pbt moves checkpoints, and EndsItself has no save_checkpoint"):
        run(a_population("EndsItself", metric="loss"), tmp_path)
