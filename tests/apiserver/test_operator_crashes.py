"""Killed at each of the writes that every experiment's life makes, in two ways by turns: always the same end.

The operator speaks through a proxy that kills it at the n-th write, either before the API server
has applied it or after that and before the answer. A fresh process then has to finish the job.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from luthier.api.wire import Phase
from support.operator_builders import a_best, an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import report_of, rest
from support.operator_proxy import CuttingProxy
from support.operator_world import Operator, Rest, World, make_namespace, until

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver
WRITES_OF_A_LIFE = 15
"""What every life makes: surroundings, pods, statuses, events, the workers' end. A slow one makes up to six more."""


@pytest.fixture
def namespace(rest: Rest) -> str:
    name = f"operator-{uuid.uuid4().hex[:8]}"
    make_namespace(rest, name)
    return name


@pytest.fixture
def proxy(api_server: Path, tmp_path: Path) -> Iterator[CuttingProxy]:
    user = YAML(typ="safe", pure=True).load(api_server.read_text())["users"][0]["user"]
    pair = (_file(user, "client-certificate", tmp_path), _file(user, "client-key", tmp_path))
    with CuttingProxy(Rest(api_server), pair) as proxy:
        yield proxy


@pytest.mark.parametrize("cut_at", range(1, WRITES_OF_A_LIFE + 1))
def test_killed_at_write(rest: Rest, namespace: str, proxy: CuttingProxy, tmp_path: Path, cut_at: int) -> None:
    world = World(rest, namespace, f"quad-{cut_at}")
    proxy.cut_at, proxy.cut_after_apply = cut_at, cut_at % 2 == 0
    operator = Operator(proxy.write_kubeconfig(tmp_path / "kubeconfig"), tmp_path / "operator.log", namespace)
    proxy.on_cut = operator.die
    operator.start()
    try:
        with FakeDriver(port=operator.progress_port) as driver:
            world.apply()
            _live(world, operator, driver)
        assert len(proxy.writes) >= cut_at, "this life makes fewer writes; nothing was killed"
        assert _end_state(world) == THE_END
        assert "Traceback" not in operator.log()
    finally:
        operator.kill()


THE_END: dict[str, Any] = {
    "state": "Succeeded",
    "done": "8/8",
    "best": "0.971235",
    "attempt": 1,
    "restarts": 0,
    "pods": ["driver-1"],
    "secrets": 1,
    "services": 1,
    "claims": 1,
    "started": True,
}


def _live(world: World, operator: Operator, driver: FakeDriver) -> None:
    """Do what kubelet and driver do, and start the operator again whenever it has died."""

    def step() -> bool:
        operator.revive()
        for suffix in ("-driver-1", "-worker-1-0", "-worker-1-1"):
            pod = world.pod(suffix)
            if pod is not None and pod["status"].get("phase") == "Pending":
                driver.token = world.token()
                world.run_pod(suffix)
        status = world.status()
        if status.get("state") == "Running" and status["done"] == "3/8":
            last = report_of(
                world, phase=Phase.FINISHED, done=8, running=0, best=a_best(), outcome=an_outcome(), sequence=2
            )
            driver.publish(last)
        is_over = status.get("state") == "Succeeded" and world.names("pods")[0].endswith("driver-1")
        return is_over and len(world.names("pods")) == 1 and driver.was_acknowledged.is_set()

    driver.publish(report_of(world, done=3, sequence=1))
    until(step, "the end", 60)


def _end_state(world: World) -> dict[str, Any]:
    status = world.status()
    return {
        "state": status["state"],
        "done": status["done"],
        "best": status["bestValue"],
        "attempt": status["attempt"],
        "restarts": status["restarts"],
        "pods": [name.split("-", 3)[3] for name in world.names("pods")],
        "secrets": len(world.names("secrets")),
        "services": len(world.names("services")),
        "claims": len(world.names("persistentvolumeclaims")),
        "started": "startTime" in status and "completionTime" in status,
    }


def _file(user: dict[str, str], name: str, directory: Path) -> str:
    if name in user:
        return user[name]
    path = directory / name
    path.write_bytes(base64.b64decode(user[f"{name}-data"]))
    return str(path)
