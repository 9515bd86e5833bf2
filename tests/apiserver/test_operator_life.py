"""An experiment's life on a real API server, with a real operator process and a driver that only talks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from luthier.api.wire import Phase, encode_termination
from support.operator_builders import a_best, an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import ROOMY, a_world, bring_up, report_of, rest, shared_operator
from support.operator_world import Operator, Rest, World, until

__all__ = ["rest", "shared_operator"]
pytestmark = pytest.mark.apiserver


@pytest.fixture
def operator(shared_operator: Operator) -> Operator:
    return shared_operator


@pytest.fixture
def world(rest: Rest, operator: Operator) -> Iterator[World]:
    with a_world(rest, operator.namespaces[ROOMY]) as world:
        yield world


@pytest.fixture
def driver(operator: Operator) -> Iterator[FakeDriver]:
    with FakeDriver(port=operator.progress_port) as driver:
        yield driver


def test_from_apply_to_succeeded(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=3, best=a_best(), sequence=1))
    until(lambda: world.status().get("done") == "3/8", "progress in status")
    assert world.status()["state"] == "Running"
    assert world.status()["workers"] == {"desired": 2, "ready": 2}

    last = report_of(world, phase=Phase.FINISHED, done=8, running=0, best=a_best(), outcome=an_outcome(), sequence=2)
    driver.publish(last)
    until(lambda: world.condition("Succeeded").get("status") == "True", "success")
    assert driver.was_acknowledged.wait(10)
    until(lambda: [name for name in world.names("pods") if "worker" in name] == [], "no workers")
    assert world.pod("-driver-1") is not None
    assert world.status()["bestValue"] == "0.971235"
    assert {"Accepted", "Started", "Succeeded"} <= set(world.events())
    assert (operator.metric('luthier_experiments{state="Succeeded"}') or 0) >= 1


def test_a_report_is_in_status_within_two_seconds(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, sequence=1))
    until(lambda: world.condition("Running").get("status") == "True", "running")
    delays = []
    for done in range(1, 6):
        begin = time.monotonic()
        driver.publish(report_of(world, done=done, sequence=1 + done))
        until(lambda done=done: world.status()["done"] == f"{done}/8", "the report")
        delays.append(time.monotonic() - begin)
    # The median, since a test machine may be busy with other things.
    assert sorted(delays)[len(delays) // 2] < 2


def test_the_outcome_is_acknowledged_only_when_it_is_safe(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, phase=Phase.FINISHED, done=8, running=0, outcome=an_outcome(), sequence=5))
    assert driver.was_acknowledged.wait(15)
    assert world.condition("Succeeded")["status"] == "True"


def test_an_outcome_that_only_the_termination_message_tells(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0})
    last = report_of(world, phase=Phase.FINISHED, done=8, running=0, best=a_best(), outcome=an_outcome("TargetReached"))
    world.end_pod("-driver-1", 0, encode_termination(last).decode())
    until(lambda: world.condition("Succeeded").get("reason") == "TargetReached", "success")
    assert (world.status()["done"], world.status()["bestValue"]) == ("8/8", "0.971235")


def test_suspend_and_resume(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=3, sequence=1))
    until(lambda: world.status().get("done") == "3/8", "progress in status")

    world.edit({"suspend": True})
    until(lambda: world.names("pods") == [], "no pods", 5)
    until(lambda: world.status()["state"] == "Suspended", "suspended")
    assert (world.status()["done"], world.status()["trials"]["running"]) == ("3/8", 0)

    world.edit({"suspend": False})
    bring_up(world, driver, attempt=2)
    driver.publish(report_of(world, done=4, attempt=2, sequence=1))
    until(lambda: world.status()["done"] == "4/8", "progress of the second driver")
    assert (world.status()["attempt"], world.status()["restarts"]) == (2, 0)
    assert {"Suspended", "Resumed"} <= set(world.events())


def test_a_changed_budget_reaches_the_driver(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, sequence=1))
    until(lambda: world.condition("Running").get("status") == "True", "running")
    world.edit({"budget": {"trials": 12, "parallelTrials": 3}})
    until(lambda: driver.budgets, "the new budget", 5)
    assert (driver.budgets[0]["generation"], driver.budgets[0]["budget"]["trials"]) == (2, 12)
    until(lambda: world.pod("-worker-1-2"), "a third worker")


def test_a_lost_driver_is_replaced_once_and_then_rests(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0})
    world.end_pod("-driver-1", 1)
    world.end_pod("-driver-2", 137)
    until(lambda: world.condition("Stalled").get("reason") == "DriverCrashLoop", "the crash loop")
    assert "137" in world.condition("Stalled")["message"]
    assert world.names("pods") == [world.names("secrets")[0] + "-driver-2"]
    assert world.status()["restarts"] == 1
    assert "DriverLost" in world.events()


def test_a_bad_experiment_fails_without_a_second_try(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0})
    world.end_pod("-driver-1", 64, "ModuleNotFoundError: quad")
    until(lambda: world.condition("Failed").get("reason") == "BadExperiment", "failure")
    assert world.condition("Failed")["message"] == "ModuleNotFoundError: quad"
    assert [name[-8:] for name in world.names("pods")] == ["driver-1"]


def test_a_failed_worker_is_replaced(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    before = world.end_pod("-worker-1-1", 1)["metadata"]["uid"]
    until(lambda: (world.pod("-worker-1-1") or {}).get("metadata", {}).get("uid", before) != before, "a new worker", 20)
    assert world.status()["attempt"] == 1


def test_it_deletes_itself_after_its_time(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0}, ttlSecondsAfterFinished=1)
    world.end_pod("-driver-1", 64)
    until(lambda: world.experiment() is None, "deletion")
    for collection in ("pods", "secrets", "services"):
        until(lambda collection=collection: world.names(collection) == [], f"no {collection}")


def test_series_end_with_their_experiment(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0})
    series = f'luthier_trials{{experiment="{world.name}",namespace="{world.namespace}",state="failed"}}'
    until(lambda: operator.metric(series) == 0, "the series")
    world.delete()
    until(lambda: operator.metric(series) is None, "no series")
    assert operator.page("healthz") == (200, "ok\n")
