"""Fixtures of the operator's tests on a real API server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luthier.api.wire import Report
from support import operator_builders
from support.operator_fake_driver import FakeDriver
from support.operator_world import Operator, Rest, World, until


@pytest.fixture
def world(api_server: Path) -> World:
    return World(Rest(api_server), f"t-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def operator(api_server: Path, world: World, tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(api_server, world.namespace, tmp_path / "operator.log")
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()
    assert "Traceback" not in operator.log(), operator.log()


@pytest.fixture
def driver(operator: Operator) -> Iterator[FakeDriver]:
    with FakeDriver(port=operator.progress_port) as driver:
        yield driver


def bring_up(world: World, driver: FakeDriver, attempt: int = 1) -> None:
    """Do for an attempt what kubelet and containers do."""
    until(lambda: world.pod(f"-worker-{attempt}-1"), "all pods of the attempt")
    driver.token = world.token()
    for suffix in (f"-driver-{attempt}", f"-worker-{attempt}-0", f"-worker-{attempt}-1"):
        world.run_pod(suffix)


def report_of(world: World, **facts: Any) -> Report:
    """Return a report in the name of the world's experiment."""
    body = world.experiment()
    assert body is not None
    return operator_builders.a_report(
        uid=body["metadata"]["uid"], **{"generation": body["metadata"]["generation"], "last_result_time": None, **facts}
    )
