"""The whole path: embedded cluster, images and chart are set up once; each test gets a namespace of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from install import Installed, install
from luthier.cli.main import app
from support.e2e_place import Place, a_place, has_failed
from target import TORCH, Embedded

FOLDER = Path(__file__).parent
TEST_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker("e2e")
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def installed() -> Installed:
    """The embedded cluster with the operator on it; it stays up, so that the next run begins sooner.

    `make test-e2e` installs first, where its progress can be seen, and sets LUTHIER_E2E_AS_IT_IS=1.
    """
    target = Embedded()
    if os.environ.get("LUTHIER_E2E_AS_IT_IS"):
        return Installed(target.start(), target.tools(), target)
    return install([TORCH], target=target)


@pytest.fixture
def place(installed: Installed, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A namespace of the test's own; after a test that passed, nothing may be left of its experiments."""
    with a_place(installed, _purpose(request.node.name)) as made:
        yield made
        if not has_failed(request.node):
            made.check_that_deletion_leaves_nothing()


@pytest.fixture
def luthier(place: Place) -> Any:
    """The command line in the test's namespace, called like a function."""

    def call(*arguments: object, code: int = 0) -> str:
        words = [*map(str, arguments), "--namespace", place.name]
        result = CliRunner().invoke(app, words, env={**place.cluster.environment, "COLUMNS": "200"})
        assert result.exit_code == code, result.output
        return result.output

    return call


def _purpose(name: str) -> str:
    words = name.removeprefix("test_").replace("_", "-").split("[")[0]
    return words[:30].strip("-")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add to a failure's report what a person would look at."""
    report = yield
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]
        place = getattr(item, "funcargs", {}).get("place")
        if place is not None:
            report.sections.append(("the cluster's story", place.story()))
    return report
