"""The whole life of an experiment with the fewest rights, in one namespace and in all: all of them are used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from luthier.api.wire import Phase
from support.operator_builders import an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import a_world, bring_up, report_of, rest
from support.operator_rights import LEASE, RIGHTS, calls_made, granted_calls, kubeconfig_of_a_service_account
from support.operator_world import CORE, Json, Operator, Rest, World, make_namespace, now, until

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver


@pytest.fixture
def namespace(rest: Rest) -> str:
    name = f"operator-{uuid.uuid4().hex[:8]}"
    make_namespace(rest, name)
    return name


@pytest.fixture(params=["in one namespace", "in all namespaces"])
def operator(rest: Rest, namespace: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Operator]:
    everywhere = request.param == "in all namespaces"
    kubeconfig = kubeconfig_of_a_service_account(rest, namespace, tmp_path / "kubeconfig", cluster_wide=everywhere)
    leadership = {"LUTHIER_LEASE_NAMESPACE": namespace, "LUTHIER_LEASE_NAME": LEASE}
    served = () if everywhere else (namespace,)
    operator = Operator(kubeconfig, tmp_path / "operator.log", *served, **leadership)
    operator.start()
    yield operator
    operator.kill()


def test_a_life_needs_every_right_and_no_other(rest: Rest, namespace: str, operator: Operator, audit_log: Path) -> None:
    with a_world(rest, namespace) as world, FakeDriver(port=operator.progress_port) as driver:
        code = {"function": "quad:train", "source": {"configMap": "code"}}
        world.apply(trial=code, ttlSecondsAfterFinished=1, suspend=True)
        with a_pod_in_the_way(world):
            world.edit({"suspend": False})
            until(lambda: world.condition("Stalled").get("reason") == "ConfigMapNotFound", "the missing ConfigMap")
            world.make("configmaps", {"metadata": {"name": "code"}, "data": {"quad.py": ""}})
            until(lambda: "belongs to somebody else" in world.condition("Stalled").get("message", ""), "a taken name")
        hanging = world.hang_pod("-driver-1", "ContainerCreating", "")
        world.make("events", a_warning_about(hanging))
        until(lambda: "no such volume" in world.condition("Stalled").get("message", ""), "the words of an event", 40)
        bring_up(world, driver)
        driver.publish(report_of(world, done=3, sequence=1))
        until(lambda: world.status().get("done") == "3/8", "progress")
        world.end_pod("-worker-1-0", 1)
        until(lambda: (world.pod("-worker-1-0") or {}).get("status", {}).get("phase") == "Pending", "a new worker", 40)
        world.end_pod("-driver-1", 1)
        bring_up(world, driver, attempt=2)
        last = report_of(world, phase=Phase.FINISHED, attempt=2, done=8, running=0, outcome=an_outcome(), sequence=9)
        driver.publish(last)
        until(lambda: world.experiment() is None, "the end and the deletion after it")
        assert operator.leads()
        assert calls_made(audit_log, namespace) == granted_calls()
        page = operator.page("metrics")[1]
        assert 'code="403"' not in page
        assert "Forbidden" not in operator.log()


def a_warning_about(pod: Json) -> Json:
    about = {"kind": "Pod", "apiVersion": "v1", **{key: pod["metadata"][key] for key in ("name", "namespace", "uid")}}
    words = {"type": "Warning", "reason": "FailedMount", "message": "no such volume", "lastTimestamp": now()}
    return {"metadata": {"generateName": "w-"}, "involvedObject": about, **words}


@contextmanager
def a_pod_in_the_way(world: World) -> Iterator[None]:
    """Take the name that the first driver is to have."""
    uid = until(world.experiment, "the experiment")["metadata"]["uid"]
    name = f"{world.name}-{uid[:5]}-driver-1"
    containers = [{"name": "main", "image": "main"}]
    world.make("pods", {"metadata": {"name": name}, "spec": {"containers": containers}})
    yield
    world.rest("DELETE", f"{CORE}/{world.namespace}/pods/{name}", {"gracePeriodSeconds": 0})


def test_secrets_are_neither_listed_nor_watched() -> None:
    verbs = {resource: set(allowed) for _, resource, allowed in RIGHTS}
    assert verbs["secrets"] == {"get", "create"}
