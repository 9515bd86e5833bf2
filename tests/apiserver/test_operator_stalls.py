"""Whatever stands in the way has a condition that names it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import FEW, RESTRICTED, ROOMY, a_world, bring_up, report_of, rest, shared_operator
from support.operator_world import CORE, Operator, Rest, World, until

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


NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."


def stalled(world: World, reason: str, seconds: float = 30) -> str:
    until(lambda: world.condition("Stalled").get("reason") == reason, f"Stalled because of {reason}", seconds)
    assert world.status()["state"] == "Stalled"
    return str(world.condition("Stalled")["message"])


def test_a_quota(rest: Rest, operator: Operator) -> None:
    with a_world(rest, operator.namespaces[FEW]) as world:
        world.make("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}})
        quota = f"{CORE}/{world.namespace}/resourcequotas/few"
        until(lambda: rest("GET", quota)["status"].get("hard"), "the quota")
        world.apply()
        assert "exceeded quota: few" in stalled(world, "QuotaExceeded")
        assert world.names("pods") == []
        rest("PATCH", quota, {"spec": {"hard": {"pods": "9"}}})
        until(lambda: len(world.names("pods")) == 3, "all pods", 60)
        until(lambda: world.condition("Stalled")["reason"] == "Progressing", "progress")


def test_our_own_pods_are_restricted(rest: Rest, operator: Operator) -> None:
    with a_world(rest, operator.namespaces[RESTRICTED]) as world:
        world.apply()
        until(lambda: len(world.names("pods")) == 3, "all pods")


def test_pod_security(rest: Rest, operator: Operator) -> None:
    with a_world(rest, operator.namespaces[RESTRICTED]) as world:
        container = {"name": "trial", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
        template = {"spec": {"containers": [container]}}
        world.apply(driver={"template": template})
        assert "PodSecurity" in stalled(world, "Forbidden")


def test_pod_security_for_workers_only(rest: Rest, operator: Operator) -> None:
    with a_world(rest, operator.namespaces[RESTRICTED]) as world:
        container = {"name": "trial", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
        world.apply(workers={"template": {"spec": {"containers": [container]}}})
        message = stalled(world, "Forbidden")
        assert "worker-1-0 was refused" in message
        assert "PodSecurity" in message


def test_a_webhook_of_somebody_else_that_is_down(world: World, rest: Rest) -> None:
    name = f"{world.name}.example.com"
    selector = {"matchLabels": {"luthier.dev/experiment": world.name}}
    webhook = {
        "name": name,
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "admissionReviewVersions": ["v1"],
        "objectSelector": selector,
        "clientConfig": {"url": "https://127.0.0.1:1/nobody-listens"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    rest("POST", hooks, {"metadata": {"name": name}, "webhooks": [webhook]})
    try:
        world.apply()
        assert name in stalled(world, "Forbidden", 60)
    finally:
        rest("DELETE", f"{hooks}/{name}")
    until(lambda: len(world.names("pods")) == 3, "all pods, once nobody stands in the way", 60)


def test_a_driver_that_may_not_write_to_its_storage(world: World, operator: Operator) -> None:
    world.apply(workers={"max": 0})
    for attempt in (1, 2):
        world.end_pod(f"-driver-{attempt}", 1, "StorageNotWritable: user 1000 may not write to /storage")
    assert "user 1000 may not write to /storage" in stalled(world, "StorageNotWritable", 60)


def test_what_a_running_driver_says_keeps_it(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, problem={"reason": "StorageFull", "message": "no room left"}, sequence=1))
    assert stalled(world, "StorageFull") == "no room left"
    driver.publish(report_of(world, sequence=2))
    until(lambda: world.condition("Stalled")["reason"] == "Progressing", "progress")


def test_a_worker_that_is_killed_for_its_memory_is_told_to_the_driver(
    world: World, operator: Operator, driver: FakeDriver
) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, sequence=1))
    until(lambda: world.condition("Running").get("status") == "True", "running")
    world.end_pod("-worker-1-1", 137, reason="OOMKilled")
    (fact,) = until(lambda: driver.facts, "the fact")
    assert (fact["name"].endswith("-worker-1-1"), fact["cause"], fact["ip"]) == (True, "OutOfMemory", "127.0.0.1")


def test_no_node_has_the_gpus(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply(trial={"function": "quad:train", "resources": {"gpu": 1}}, workers={"max": 1})
    until(lambda: world.pod("-worker-1-0"), "the worker")
    driver.token = world.token()
    world.run_pod("-driver-1")
    world.refuse_to_schedule("-worker-1-0", NO_GPU)
    assert "not enough nvidia.com/gpu" in stalled(world, "Unschedulable")


def test_no_such_image(world: World, operator: Operator) -> None:
    world.apply()
    world.hang_pod("-driver-1", "ErrImagePull", 'failed to pull and unpack image "nowhere/nothing:1": not found')
    assert "not found" in stalled(world, "ImagePull")


def test_what_no_driver_can_end_is_ended_by_a_stop_and_begins_when_that_is_taken_back(
    world: World, operator: Operator
) -> None:
    world.apply(workers={"max": 0})
    world.hang_pod("-driver-1", "ErrImagePull", 'failed to pull and unpack image "nowhere/nothing:1": not found')
    stalled(world, "ImagePull")
    world.edit({"budget": {"stop": True}})
    until(lambda: world.condition("Failed").get("reason") == "Stopped", "the end")
    assert "no driver could run (ImagePull" in world.status()["message"]
    until(lambda: world.names("pods") == [], "its pod is gone")
    assert world.status()["endedBudget"]["stop"] is True
    world.edit({"budget": {"stop": False}})
    until(lambda: world.pod("-driver-2"), "the next driver")
    until(lambda: world.status()["state"] == "Pending", "the end is taken back")


def test_no_such_secret(world: World, operator: Operator) -> None:
    world.apply()
    world.hang_pod("-driver-1", "CreateContainerConfigError", 'secret "credentials" not found')
    assert "credentials" in stalled(world, "SecretNotFound")


def test_a_volume_that_is_told_only_in_events(world: World, operator: Operator) -> None:
    world.apply()
    pod = world.hang_pod("-driver-1", "ContainerCreating", "")
    reference = {
        "kind": "Pod",
        "name": pod["metadata"]["name"],
        "namespace": world.namespace,
        "uid": pod["metadata"]["uid"],
    }
    message = 'MountVolume.SetUp failed for volume "data" : configmap "data" not found'
    world.make(
        "events",
        {
            "metadata": {"name": f"{world.name}.mount"},
            "involvedObject": reference,
            "type": "Warning",
            "reason": "FailedMount",
            "message": message,
        },
    )
    assert "configmap" in stalled(world, "ConfigMapNotFound", 45)


def test_the_code_is_not_there_and_then_it_is(world: World, operator: Operator) -> None:
    world.apply(trial={"function": "quad:train", "source": {"configMap": world.name}})
    assert f"ConfigMap {world.name}" in stalled(world, "ConfigMapNotFound")
    assert world.names("pods") == []
    world.make("configmaps", {"metadata": {"name": world.name}, "data": {"quad.py": ""}})
    until(lambda: len(world.names("pods")) == 3, "all pods")


def test_the_named_claim_is_not_there(world: World, operator: Operator) -> None:
    world.apply(storage={"claimName": "shared"})
    assert "PersistentVolumeClaim shared" in stalled(world, "ClaimNotFound")
    assert world.names("persistentvolumeclaims") == []


def test_a_claim_that_nobody_binds(world: World, operator: Operator) -> None:
    world.apply()
    stalled(world, "ClaimPending", 45)


def test_a_metric_that_is_never_reported(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, missing_metric="accuracy", metrics_seen=["acc"], sequence=1))
    assert "acc" in stalled(world, "MetricMissing")


def test_no_result_in_time(world: World, operator: Operator, driver: FakeDriver) -> None:
    world.apply(trial={"function": "quad:train", "reportTimeoutSeconds": 5})
    bring_up(world, driver)
    driver.publish(report_of(world, sequence=1))
    stalled(world, "NoResult")
    driver.publish(report_of(world, done=1, sequence=2))
    until(lambda: world.status()["done"] == "1/8", "progress")


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"version": "v9"}', b'{"sequence": NaN}', b"x" * 300_000])
def test_a_driver_that_talks_nonsense_does_no_harm(
    world: World, operator: Operator, driver: FakeDriver, raw: bytes
) -> None:
    world.apply()
    driver.raw = raw
    bring_up(world, driver)
    until(lambda: world.status()["workers"]["ready"] == 2, "workers")
    assert operator.page("healthz")[0] == 200
    driver.raw = None
    driver.publish(report_of(world, done=1, sequence=1))
    until(lambda: world.status()["done"] == "1/8", "progress once it talks sense")


def test_a_driver_that_does_not_answer(world: World, operator: Operator) -> None:
    world.apply()
    until(lambda: len(world.names("pods")) == 3, "all pods")
    for suffix in ("-driver-1", "-worker-1-0", "-worker-1-1"):
        world.run_pod(suffix)
    assert "driver-1 is ready but gives no progress" in stalled(world, "DriverUnreachable", 60)


def test_a_template_that_cannot_be_merged(world: World, operator: Operator) -> None:
    world.apply(workers={"template": {"spec": {"containers": "x"}}})
    until(lambda: world.condition("Accepted").get("status") == "False", "rejection")
    assert "spec.workers.template.spec.containers" in world.condition("Accepted")["message"]
    assert (world.status()["state"], world.names("pods"), world.names("secrets")) == ("Rejected", [], [])
    assert "Rejected" in world.events()
