"""Workers that are told to leave, run out of memory, freeze or die: what becomes of the trials on them."""

from __future__ import annotations

import os
import signal
import time

import pytest

from luthier.api.wire import NodeWord
from luthier.trial.engine import GRACE_SECONDS, Engine
from support.real_runs import LR, an_experiment, records, results_of
from support.recovery import recovery_from
from support.worker_nodes import WorkerNode, busy_machine, live_addresses, worker_nodes

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def all_workers(tmp_path_factory):
    with worker_nodes(tmp_path_factory.mktemp("workers")) as started:
        yield started


@pytest.fixture
def workers(all_workers):
    """Two workers; those that an earlier test ended are replaced."""
    all_workers.keep(2)
    return all_workers


def on_workers(function="SlowWeights", **more):
    """Trials that run on workers only, one on each."""
    settings = {"parameters": (LR,), "metric": "score", "direction": "Maximize", "iterationsPerTrial": 12}
    return an_experiment(function, trial={"resources": {"cpu": 0.1, "gpu": 1}}, **{**settings, **more})


def check_that_nothing_was_lost(directory, trials, iterations=12):
    results = results_of(directory)
    assert len(results) == trials * iterations
    assert all(results[trial, i]["began"] == results[trial, i - 1]["ended"] for trial, i in results if i > 1)


def test_a_worker_that_is_told_to_end_saves_its_trial_which_goes_on_elsewhere(tmp_path, workers):
    left = []

    def tell_to_end(node):
        node.is_told_to_end()
        left.append(node)

    recovery = recovery_from(tell_to_end, workers, on_workers(trials=1), tmp_path)

    assert (recovery.cause, recovery.repeated) == ("Evicted", 0)
    assert [record.counted for record in records(tmp_path, "retry")] == [False]
    check_that_nothing_was_lost(tmp_path, 1)
    assert left[0].process.wait(timeout=15) == 0


def test_a_trial_that_is_killed_for_its_memory_is_told_from_one_that_crashed(tmp_path, workers):
    killed_at = []

    def kill_as_the_kernel_does(report):
        if report.best and not killed_at:
            process = int(report.best.metrics["process"])
            node = workers.holding(process)
            os.kill(process, signal.SIGKILL)
            killed_at.append(time.time())
            workers.nodes.hear(NodeWord(name=node.name, ip=node.ip, oom_kills=1), killed_at[0])

    Engine(on_workers(trials=1), tmp_path, 1, kill_as_the_kernel_does, workers.nodes).run()

    (killed,) = records(tmp_path, "end")
    assert (killed.ending, killed.cause) == ("Failed", "OutOfMemory")
    assert records(tmp_path, "retry") == [], "another run of these parameters would take as much"


def test_workers_without_a_trial_are_named_so_that_they_can_go(tmp_path, workers):
    reports = []

    Engine(on_workers(trials=1, iterationsPerTrial=6), tmp_path, 1, reports.append, workers.nodes).run()

    assert {report.wanted_workers for report in reports[:-1]} == {1}
    named = next(report.idle_workers for report in reports if report.best)
    alive = {node.name for node in workers.started if node.process.poll() is None}
    assert len(named) == 1
    assert set(named) < alive


def test_a_run_that_no_worker_has_room_for_keeps_nobody_from_leaving(tmp_path, workers):
    experiment = on_workers(trials=1)
    resources = experiment.spec.trial.resources.model_copy(update={"gpu": 8.0})
    trial = experiment.spec.trial.model_copy(update={"resources": resources})
    spec = experiment.spec.model_copy(update={"trial": trial})
    told = []

    def stop_once_it_waits(report):
        if report.trials.running and not told:
            told.append(time.monotonic())
            engine.stop()

    engine = Engine(experiment.model_copy(update={"spec": spec}), tmp_path, 1, stop_once_it_waits, workers.nodes)

    assert engine.run().outcome is None
    assert time.monotonic() - told[0] < GRACE_SECONDS / 2


def test_a_starved_machine_is_no_reason_to_take_a_worker_for_lost(tmp_path, workers):
    before = live_addresses()
    with busy_machine():
        report = Engine(on_workers(trials=2, parallelTrials=2), tmp_path, 1, lambda _: None, workers.nodes).run()

    assert report.trials.succeeded == 2
    assert records(tmp_path, "retry") == []
    assert live_addresses() == before


def test_a_frozen_worker_is_noticed_within_ten_seconds_and_its_trial_goes_on_elsewhere(tmp_path, workers):
    recovery = recovery_from(WorkerNode.freezes, workers, on_workers(trials=1), tmp_path)

    assert recovery.cause == "NodeLost"
    assert recovery.noticed < 10
    assert [record.counted for record in records(tmp_path, "retry")] == [False]
    check_that_nothing_was_lost(tmp_path, 1)
