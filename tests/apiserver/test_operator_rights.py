"""The whole life of an experiment with the fewest rights: a Role in one namespace, no Secrets listed or watched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.api.wire import Phase
from support.operator_builders import an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import a_world, bring_up, report_of, rest
from support.operator_rights import RIGHTS, kubeconfig_of_a_service_account
from support.operator_world import Operator, Rest, make_namespace, until

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver


@pytest.fixture
def operator(rest: Rest, tmp_path: Path) -> Iterator[Operator]:
    namespace = f"operator-{uuid.uuid4().hex[:8]}"
    make_namespace(rest, namespace)
    kubeconfig = kubeconfig_of_a_service_account(rest, namespace, tmp_path / "kubeconfig")
    operator = Operator(kubeconfig, tmp_path / "operator.log", namespace)
    operator.start()
    yield operator
    operator.kill()


def test_a_life_with_the_fewest_rights(rest: Rest, operator: Operator) -> None:
    with a_world(rest, operator.namespaces[0]) as world, FakeDriver(port=operator.progress_port) as driver:
        world.apply(trial={"function": "quad:train", "source": {"configMap": "code"}}, ttlSecondsAfterFinished=1)
        until(lambda: world.condition("Stalled").get("reason") == "ConfigMapNotFound", "the missing ConfigMap")
        world.make("configmaps", {"metadata": {"name": "code"}, "data": {"quad.py": ""}})
        bring_up(world, driver)
        driver.publish(report_of(world, done=3, sequence=1))
        until(lambda: world.status().get("done") == "3/8", "progress")
        world.end_pod("-worker-1-0", 1)
        until(lambda: (world.pod("-worker-1-0") or {}).get("status", {}).get("phase") == "Pending", "a new worker", 40)
        world.hang_pod("-worker-1-0", "ContainerCreating", "")
        world.end_pod("-driver-1", 1)
        bring_up(world, driver, attempt=2)
        last = report_of(world, phase=Phase.FINISHED, attempt=2, done=8, running=0, outcome=an_outcome(), sequence=9)
        driver.publish(last)
        until(lambda: world.experiment() is None, "the end and the deletion after it")
        page = operator.page("metrics")[1]
        assert 'code="403"' not in page
        assert "Forbidden" not in operator.log()


def test_secrets_are_neither_listed_nor_watched() -> None:
    verbs = {resource: set(allowed) for _, resource, allowed in RIGHTS}
    assert verbs["secrets"] == {"get", "create"}
