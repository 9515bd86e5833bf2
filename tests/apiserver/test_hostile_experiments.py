"""What strangers write, in a real API server before a real operator, beside a neighbour who means well."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from luthier.api import keys
from luthier.api.wire import Outcome, Phase
from support.hostile_manifests import Json, bodies
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import bring_up, mortal_operator, report_of, rest
from support.operator_world import EXPERIMENTS, Operator, Rest, RestError, World, until

__all__ = ["mortal_operator", "rest"]
pytestmark = pytest.mark.apiserver
EXPERIMENTS_SENT = 100
ROUNDS_EACH = 30
"""Far above what an experiment needs to come to rest, far below what a hot loop takes in the same time."""


def test_a_hundred_hostile_experiments_end_nothing_and_hold_up_nobody(rest: Rest, mortal_operator: Operator) -> None:
    namespace = mortal_operator.namespaces[0]
    path = f"{EXPERIMENTS}/{namespace}/{keys.PLURAL}"
    sent: list[str] = []
    taken: list[str] = []

    @settings(
        max_examples=EXPERIMENTS_SENT,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(body=bodies())
    def send(body: Json) -> None:
        name = f"hostile-{len(sent)}"
        sent.append(name)
        words = {key: body["metadata"].get(key) for key in ("labels", "annotations")}
        manifest = {"apiVersion": keys.API_VERSION, "kind": keys.KIND, "spec": body["spec"]}
        if is_taken(rest, "POST", path, {**manifest, "metadata": {"name": name, **words}}):
            taken.append(name)
            if "status" in body:
                is_taken(rest, "PATCH", f"{path}/{name}/status", {"status": body["status"]})

    send()
    assert len(sent) >= EXPERIMENTS_SENT
    assert 10 <= len(taken) < len(sent), "some pass the API server, some do not"

    neighbour = World(rest, namespace, f"quad-{uuid.uuid4().hex[:6]}")
    neighbour.apply()
    with FakeDriver(port=mortal_operator.progress_port) as driver:
        bring_up(neighbour, driver)
        done = Outcome(succeeded=True, reason="TrialsDone", message="8 trials ended")
        driver.publish(report_of(neighbour, phase=Phase.FINISHED, outcome=done, done=8, running=0, sequence=9))
        until(lambda: neighbour.condition("Succeeded").get("status") == "True", "the neighbour's end", 60)

    assert mortal_operator.exit_code() is None
    assert mortal_operator.rounds() < ROUNDS_EACH * (len(taken) + 1)
    said = until(lambda: conditions_of(rest, path, taken), "a word on each that is there", 60)
    assert {"True", "False"} >= {condition["status"] for conditions in said for condition in conditions}


def is_taken(rest: Rest, verb: str, path: str, body: Json) -> bool:
    try:
        rest(verb, path, body)
    except RestError as error:
        if error.code in (400, 404, 413, 422):
            return False
        raise
    return True


def conditions_of(rest: Rest, path: str, names: list[str]) -> list[list[Any]] | None:
    """Return the conditions of each that was not deleted, once all have some."""
    listed = {item["metadata"]["name"]: item for item in rest("GET", path)["items"]}
    found = [listed[name].get("status", {}).get("conditions") or [] for name in names if name in listed]
    return found if all(found) else None
