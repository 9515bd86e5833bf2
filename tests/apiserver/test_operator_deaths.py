"""The operator dies, is away, comes back: nothing is lost, nothing is there twice, nothing is written for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from luthier.api import keys
from luthier.api.wire import Phase, encode_termination
from support.operator_builders import a_best, an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import a_world, bring_up, mortal_operator, report_of, rest
from support.operator_world import CORE, Operator, Rest, World, until

__all__ = ["mortal_operator", "rest"]
pytestmark = pytest.mark.apiserver


@pytest.fixture
def operator(mortal_operator: Operator) -> Operator:
    return mortal_operator


@pytest.fixture
def world(rest: Rest, operator: Operator) -> Iterator[World]:
    with a_world(rest, operator.namespaces[0]) as world:
        yield world


@pytest.fixture
def driver(operator: Operator) -> Iterator[FakeDriver]:
    with FakeDriver(port=operator.progress_port) as driver:
        yield driver


def test_killed_in_the_middle_of_a_run(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=3, best=a_best(), sequence=1))
    until(lambda: world.status().get("done") == "3/8", "progress in status")
    uids = {world.pod(suffix)["metadata"]["uid"] for suffix in ("-driver-1", "-worker-1-0", "-worker-1-1")}

    operator.kill()
    assert world.status()["done"] == "3/8"
    driver.publish(report_of(world, done=5, best=a_best(), sequence=2))
    operator.start()
    until(lambda: world.status()["done"] == "5/8", "progress after the restart")
    assert {pod["metadata"]["uid"] for pod in world.children("pods")} == uids
    assert (world.status()["attempt"], world.status()["restarts"]) == (1, 0)
    assert world.events().count("Started") == 1


@pytest.mark.parametrize("collection", ["secrets", "services", "persistentvolumeclaims", "pods"])
def test_killed_while_it_creates(world: World, operator: Operator, collection: str) -> None:
    world.apply()
    until(lambda: world.names(collection), f"the first of {collection}")
    operator.kill()
    operator.start()
    until(lambda: len(world.names("pods")) == 3, "all pods")
    until(lambda: world.status().get("attempt") == 1, "status")
    assert {c: len(world.names(c)) for c in ("secrets", "services", "persistentvolumeclaims", "pods")} == {
        "secrets": 1,
        "services": 1,
        "persistentvolumeclaims": 1,
        "pods": 3,
    }


def test_the_end_comes_while_it_is_away(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=3, sequence=1))
    until(lambda: world.status().get("done") == "3/8", "progress in status")
    operator.kill()
    last = report_of(world, phase=Phase.FINISHED, done=8, running=0, outcome=an_outcome(), sequence=9)
    world.end_pod("-driver-1", 0, encode_termination(last).decode())
    operator.start()
    until(lambda: world.status()["state"] == "Succeeded", "success")
    assert world.status()["done"] == "8/8"


def test_deleted_while_it_is_away(world: World, operator: Operator) -> None:
    world.apply()
    until(lambda: len(world.names("pods")) == 3, "all pods")
    operator.kill()
    world.delete()
    assert world.experiment() is None
    for collection in ("pods", "secrets", "services", "persistentvolumeclaims"):
        until(lambda collection=collection: world.names(collection) == [], f"no {collection}", 40)


def test_created_anew_under_the_same_name(world: World, operator: Operator) -> None:
    world.apply()
    until(lambda: len(world.names("pods")) == 3, "all pods")
    before = set(world.names("pods"))
    world.delete()
    world.apply()
    until(lambda: len(set(world.names("pods")) - before) == 3, "pods of its own")
    until(lambda: set(world.names("pods")).isdisjoint(before), "none of the old", 40)
    until(lambda: world.status().get("attempt") == 1, "the first attempt again")


def test_nothing_is_written_while_nothing_changes(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=3, sequence=1))
    until(lambda: world.status().get("done") == "3/8", "progress in status")
    until(lambda: world.status()["workers"]["ready"] == 2, "workers")
    before, rounds = world.experiment(), operator.rounds()
    writes = operator.metric('luthier_api_requests_total{code="200",verb="PATCH"}')
    pod = world.pod("-driver-1")
    for number in range(5):
        patch = {"metadata": {"annotations": {"touched": str(number)}}}
        world.rest("PATCH", f"{CORE}/{world.namespace}/pods/{pod['metadata']['name']}", patch)
        until(lambda number=number: operator.rounds() > rounds + number, "another round")
    assert world.experiment() == before
    assert operator.metric('luthier_api_requests_total{code="200",verb="PATCH"}') == writes


def test_objects_carry_no_finalizer_and_no_annotation_of_the_framework(world: World, operator: Operator) -> None:
    world.apply()
    until(lambda: len(world.names("pods")) == 3, "all pods")
    until(lambda: world.status().get("attempt") == 1, "status")
    experiment = world.experiment()
    for body in (experiment, world.pod("-driver-1"), world.pod("-worker-1-0")):
        assert "finalizers" not in body["metadata"]
        assert not [name for name in body["metadata"].get("annotations", {}) if "kopf" in name]
    assert "kopf" not in experiment["status"]


def test_a_polite_end(operator: Operator) -> None:
    assert operator.stop() == 0


def test_a_pod_with_forged_labels_is_not_taken_for_a_driver(world: World, operator: Operator) -> None:
    body = world.apply(workers={"max": 0})
    until(lambda: world.pod("-driver-1"), "the driver")
    labels = {
        keys.LABEL_UID: body["metadata"]["uid"],
        keys.LABEL_EXPERIMENT: world.name,
        keys.LABEL_ROLE: "driver",
        keys.LABEL_ATTEMPT: "99",
    }
    rounds = operator.rounds()
    spec = {"containers": [{"name": "trial", "image": "x"}]}
    world.make("pods", {"metadata": {"name": "forged-driver-99", "labels": labels}, "spec": spec})
    until(lambda: operator.rounds() > rounds, "a round")
    world.edit({"budget": {"trials": 9}})
    until(lambda: world.status()["observedGeneration"] == 2, "another round")
    assert world.status()["attempt"] == 1
    assert world.pod("-driver-1") is not None
