"""On a real API server: an ended experiment goes on, and one made again under its name takes over nothing of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from luthier.api import keys
from luthier.api.status import EndedBudget
from luthier.api.wire import Phase, encode_termination
from support.operator_builders import a_best, an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import ROOMY, a_world, report_of, rest, shared_operator
from support.operator_world import CORE, Json, Operator, Rest, World, until

__all__ = ["rest", "shared_operator"]
pytestmark = pytest.mark.apiserver
BUDGET = {"trials": 8, "parallelTrials": 2}
COLLECTIONS = ("pods", "secrets", "services", "persistentvolumeclaims")


@pytest.fixture
def world(rest: Rest, shared_operator: Operator) -> Iterator[World]:
    with a_world(rest, shared_operator.namespaces[ROOMY]) as world:
        yield world


def the_end(world: World, **facts: Any) -> str:
    ended = EndedBudget.model_validate(BUDGET)
    last = {"phase": Phase.FINISHED, "done": 8, "running": 0, "best": a_best(), "outcome": an_outcome()}
    return encode_termination(report_of(world, **{**last, "ended_budget": ended, **facts})).decode()


def test_a_raised_budget_takes_the_end_back_and_the_next_driver_ends_it_anew(world: World) -> None:
    world.apply(workers={"max": 0})
    world.end_pod("-driver-1", 0, the_end(world))
    until(lambda: world.condition("Succeeded").get("status") == "True", "the first end")
    first = world.status()
    assert first["endedBudget"]["trials"] == 8

    world.edit({"budget": {"parallelTrials": 4}})
    until(lambda: world.status()["observedGeneration"] == 2, "the edit was seen")
    assert world.status()["state"] == "Succeeded"
    world.edit({"budget": {"trials": 12}})
    driver = until(lambda: world.pod("-driver-2"), "the next driver")

    until(lambda: world.status()["attempt"] == 2, "the next attempt in status")
    status = world.status()
    assert not {"completionTime", "endedBudget"} & status.keys()
    assert (status["state"], status["done"], status["restarts"]) == ("Pending", "8/8", 0)
    assert '"trials":12' in driver["metadata"]["annotations"][keys.ANNOTATION_EXPERIMENT]
    until(lambda: world.pod("-driver-1") is None, "the first driver's pod is gone")
    until(lambda: "Reopened" in world.events(), "the event")

    raised = EndedBudget.model_validate(BUDGET | {"trials": 12})
    world.end_pod("-driver-2", 0, the_end(world, attempt=2, ended_budget=raised))
    until(lambda: world.condition("Succeeded").get("status") == "True", "the second end")
    assert world.status()["endedBudget"]["trials"] == 12
    assert world.pod("-driver-3") is None


@pytest.mark.parametrize("claim", [None, "shared"], ids=["a claim of its own", "a claim of the user's"])
def test_an_experiment_made_again_under_the_same_name_takes_over_nothing(
    world: World, shared_operator: Operator, claim: str | None
) -> None:
    spec: Json = {"workers": {"max": 1}}
    if claim:
        spec["storage"] = {"claimName": make_claim(world, claim)}
    with FakeDriver(port=shared_operator.progress_port) as driver:
        world.apply(**spec)
        until(lambda: world.pod("-worker-1-0"), "all pods")
        for collection in COLLECTIONS[:2]:
            for child in world.children(collection):
                hold(world, collection, child)
        driver.token = world.token()
        world.run_pod("-driver-1")
        world.run_pod("-worker-1-0")
        driver.publish(report_of(world, done=6, best=a_best(), sequence=99))
        until(lambda: world.status().get("done") == "6/8", "the old one's progress")
        before = {child["metadata"]["uid"] for c in COLLECTIONS for child in world.children(c)}
        old = storage_of(world.pod("-driver-1"))
        world.delete()
        until(lambda: world.experiment() is None, "the old experiment is gone")

        world.apply(**spec)  # the old driver still answers, and its pods and Secret are still there
        (uid,) = {world.experiment()["metadata"]["uid"]}  # type: ignore[index]
        new = until(lambda: of(world, uid, "pods", "-driver-1"), "a driver of its own")
        until(lambda: of(world, uid, "pods", "-worker-1-0"), "a worker of its own")
        until(lambda: world.status().get("observedGeneration"), "its status")
        # Its address has passed to the new driver, and even the token is right: it still speaks for another.
        driver.token = token_of(world, f"{world.name}-{uid[:5]}")
        asked = driver.questions
        world.run(new)
        until(lambda: driver.questions > asked + 1, "the operator asked it, and again")

    status = world.status()
    assert (status["done"], status["attempt"], "best" in status) == ("0/8", 1, False)
    assert len(of_all(world, before, "pods")) == 2, "the old pods were there all the time"
    mine = {child["metadata"]["uid"] for c in COLLECTIONS for child in world.children(c) if owner(child) == uid}
    assert mine
    assert not mine & before
    assert storage_of(new) != old
    assert uid[:8] in storage_of(new)
    secret = next(v["secret"]["secretName"] for v in new["spec"]["volumes"] if v["name"] == "token")
    assert secret == f"{world.name}-{uid[:5]}"
    for collection in COLLECTIONS[:2]:
        for child in world.children(collection):
            let_go(world, collection, child)


def token_of(world: World, secret: str) -> str:
    data = world.rest("GET", f"{CORE}/{world.namespace}/secrets/{secret}")["data"]
    return base64.b64decode(data[keys.PROGRESS_TOKEN_KEY]).decode()


def make_claim(world: World, name: str) -> str:
    name = f"{world.name}-{name}"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    world.make("persistentvolumeclaims", {"metadata": {"name": name}, "spec": spec})
    return name


def hold(world: World, collection: str, child: Json) -> None:
    """Keep an object from going, as a node that does not answer would."""
    _finalizers(world, collection, child, ["luthier.dev/test"])


def let_go(world: World, collection: str, child: Json) -> None:
    if child["metadata"].get("finalizers"):
        _finalizers(world, collection, child, None)


def _finalizers(world: World, collection: str, child: Json, finalizers: list[str] | None) -> None:
    path = f"{CORE}/{world.namespace}/{collection}/{child['metadata']['name']}"
    world.rest("PATCH", path, {"metadata": {"finalizers": finalizers}})


def owner(child: Json) -> str:
    return str(child["metadata"]["ownerReferences"][0]["uid"])


def of(world: World, uid: str, collection: str, suffix: str) -> Json | None:
    mine = (child for child in world.children(collection) if owner(child) == uid)
    return next((child for child in mine if child["metadata"]["name"].endswith(suffix)), None)


def of_all(world: World, uids: set[str], collection: str) -> list[Json]:
    return [child for child in world.children(collection) if child["metadata"]["uid"] in uids]


def storage_of(pod: Json | None) -> str:
    """Return the claim and the directory on it that a driver pod works in."""
    assert pod is not None
    claim = next(v["persistentVolumeClaim"] for v in pod["spec"]["volumes"] if v["name"] == "storage")
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    return f"{claim['claimName']}:{environment[keys.ENV_STORAGE]}"
