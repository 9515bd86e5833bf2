"""A schedule that one experiment's winner lived through, given to another: on a real Ray, with hashed weights."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from luthier.api.manifest import parse
from luthier.cli import results as results_of
from luthier.cli.replay import manifest_document
from luthier.cli.targets import find
from luthier.trial import ledger
from luthier.trial.engine import Engine

pytestmark = pytest.mark.ray

SCHEDULE = {4: 0.5, 6: 0.3, 9: 0.4}
"""By first iteration; the trial begins with 0.1."""
LENGTH = 10


def in_force(iteration):
    return [0.1, *(lr for first, lr in SCHEDULE.items() if first <= iteration)][-1]


IMPLIED = math.fsum(in_force(iteration) for iteration in range(1, LENGTH + 1))


def a_replay(**trial):
    spec = {
        "objectives": [{"metric": "score", "direction": "Maximize"}],
        "parameters": [{"name": "lr", "type": "Double", "min": 0, "max": 1}],
        "search": {"initialPoints": [{"values": {"lr": 0.1}}]},
        "scheduler": {
            "replay": {"schedule": [{"firstIteration": first, "values": {"lr": lr}} for first, lr in SCHEDULE.items()]}
        },
        "budget": {"trials": 1, "parallelTrials": 1, "iterationsPerTrial": LENGTH},
        "trial": {"function": "support.trainables:Weights", "resources": {"cpu": 0.1}, **trial},
    }
    return parse({"metadata": {"name": "again"}, "spec": spec})


def results(directory):
    return [record for record in ledger.read(directory) if record.kind == "result"]


def gains(directory):
    """What each iteration added to the score: for Weights, the lr that it was trained with."""
    scores = [0.0, *(record.metrics["score"] for record in results(directory))]
    return [after - before for before, after in pairwise(scores)]


@pytest.fixture(scope="module", params=[1, 100], ids=["saves always", "saves only where it changes"])
def replayed(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("replay")
    report = Engine(a_replay(checkpointInterval=request.param), directory, 1, lambda report: None).run()
    return report, directory


def test_each_iteration_is_trained_with_the_values_of_the_schedule(replayed):
    _, directory = replayed
    assert [record.iteration for record in results(directory)] == [*range(1, LENGTH + 1)]
    assert gains(directory) == pytest.approx([in_force(iteration) for iteration in range(1, LENGTH + 1)])


def test_the_weights_go_on_where_they_were(replayed):
    _, directory = replayed
    metrics = [record.metrics for record in results(directory)]
    assert [m["began"] for m in metrics[1:]] == [m["ended"] for m in metrics[:-1]]


def test_the_score_is_what_the_schedule_implies(replayed):
    report, _ = replayed
    assert report.outcome.reason == "TrialsDone"
    assert report.best.metrics["score"] == pytest.approx(IMPLIED)
    assert report.best.parameters == {"lr": 0.4}


def test_going_on_with_new_values_is_no_copy(replayed):
    report, directory = replayed
    assert report.population is None
    changes = [record for record in results(directory) if record.exploit]
    assert [record.iteration + 1 for record in changes] == [*SCHEDULE]
    assert {record.exploit.donor for record in changes} == {"t0000"}


def test_the_process_stays_warm(replayed):
    _, directory = replayed
    assert len({record.metrics["process"] for record in results(directory)}) == 1


@pytest.mark.parametrize("percent", [30, 50])
def test_an_interrupted_replay_goes_on_in_its_schedule(tmp_path, percent):
    experiment = a_replay(function="support.trainables:SlowWeights")
    first = Engine(experiment, tmp_path, 1, lambda report: first.stop() if report.progress.percent >= percent else None)
    assert first.run().outcome is None

    report = Engine(experiment, tmp_path, 2, lambda report: None).run()

    assert report.outcome.succeeded
    assert gains(tmp_path) == pytest.approx([in_force(iteration) for iteration in range(1, LENGTH + 1)])


def test_the_manifest_that_replay_prints_trains_to_the_very_weights(tmp_path):
    population = parse(
        {
            "metadata": {"name": "population"},
            "spec": {
                "objectives": [{"metric": "score", "direction": "Maximize"}],
                "parameters": [{"name": "lr", "type": "Double", "min": 0, "max": 1}],
                "search": {"seed": 3},
                "scheduler": {"pbt": {"perturbationInterval": 2, "quantileFraction": 0.5}},
                "budget": {"trials": 4, "parallelTrials": 2, "iterationsPerTrial": LENGTH},
                "trial": {"function": "support.trainables:Weights", "resources": {"cpu": 0.1}},
            },
        }
    )
    (tmp_path / "first").mkdir()
    results_of.keep_experiment(tmp_path / "first", population, manifest=tmp_path, code=tmp_path)
    first = Engine(population, tmp_path / "first", 1, lambda report: None).run()
    results_of.keep_report(tmp_path / "first", first)
    copied = {copy.trial: copy.iteration for copy in first.population.lineage}
    result = next(r for r in first.top if r.iteration > copied.get(r.trial, LENGTH))  # the winner may be no loser ever

    found = find(str(tmp_path / "first"), None, with_exploits=True)
    manifest = manifest_document(replace(found, best=result))
    again = Engine(parse(manifest), tmp_path / "again", 1, lambda report: None).run()

    assert manifest["spec"]["scheduler"]["replay"]["schedule"]
    assert again.best.metrics["score"] == result.metrics["score"]
    assert again.best.metrics["ended"] == result.metrics["ended"], "not the same weights"
