"""Fixtures of the operator's tests on a real API server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from luthier.api.wire import Report
from support import operator_builders
from support.operator_fake_driver import FakeDriver
from support.operator_world import Operator, Rest, World, make_namespace, until

ROOMY, FEW, RESTRICTED = range(3)
"""Which of the shared operator's namespaces: one for most tests, one for quotas, one with Pod Security."""


@pytest.fixture(scope="session")
def rest(api_server: Path) -> Rest:
    return Rest(api_server)


@pytest.fixture(scope="module")
def shared_operator(api_server: Path, rest: Rest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """One operator for all tests of a file that do not end it."""
    roomy, few, restricted = (f"operator-{uuid.uuid4().hex[:8]}" for _ in range(3))
    make_namespace(rest, roomy)
    make_namespace(rest, few)
    make_namespace(rest, restricted, **{"pod-security.kubernetes.io/enforce": "restricted"})
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    yield from _running(Operator(api_server, log, roomy, few, restricted))


@pytest.fixture
def mortal_operator(api_server: Path, rest: Rest, tmp_path: Path) -> Iterator[Operator]:
    """An operator and a namespace for one test."""
    namespace = f"operator-{uuid.uuid4().hex[:8]}"
    make_namespace(rest, namespace)
    yield from _running(Operator(api_server, tmp_path / "operator.log", namespace))


@contextmanager
def a_world(rest: Rest, namespace: str) -> Iterator[World]:
    """An experiment's name of its own in a namespace; nothing is left of it."""
    world = World(rest, namespace, f"quad-{uuid.uuid4().hex[:8]}")
    try:
        yield world
    finally:
        if world.experiment() is not None:
            world.delete()


def _running(operator: Operator) -> Iterator[Operator]:
    operator.start()
    try:
        yield operator
    finally:
        operator.kill()
    assert "Traceback" not in operator.log(), operator.log()


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
