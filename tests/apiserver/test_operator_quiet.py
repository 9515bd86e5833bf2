"""What an experiment costs the API server: nothing while nothing changes, and no more for many trials than for few."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.api.status import Usage
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import a_world, bring_up, report_of, rest
from support.operator_proxy import Proxy, Request
from support.operator_world import Operator, Rest, World, make_namespace, until

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver
HEARTBEATS = 20
RUN_SECONDS = 9.0


@pytest.fixture
def proxy(api_server: Path) -> Iterator[Proxy]:
    with Proxy(api_server) as proxy:
        yield proxy


@pytest.fixture
def operator(proxy: Proxy, rest: Rest, tmp_path: Path) -> Iterator[Operator]:
    namespace = f"operator-{uuid.uuid4().hex[:8]}"
    make_namespace(rest, namespace)
    operator = Operator(proxy.write_kubeconfig(tmp_path / "kubeconfig"), tmp_path / "operator.log", namespace)
    operator.start()
    yield operator
    operator.kill()
    assert "Traceback" not in operator.log(), operator.log()


@pytest.fixture
def world(rest: Rest, operator: Operator) -> Iterator[World]:
    with a_world(rest, operator.namespaces[0]) as world:
        yield world


@pytest.fixture
def driver(operator: Operator) -> Iterator[FakeDriver]:
    with FakeDriver(port=operator.progress_port) as driver:
        yield driver


def is_list(request: Request) -> bool:
    path = request.path.split("?")[0].rstrip("/")
    return request.verb == "GET" and not request.is_watch and path.endswith(("/pods", "/events", "/tuningexperiments"))


def test_a_driver_that_only_says_that_it_lives_costs_nothing(
    world: World, operator: Operator, driver: FakeDriver, proxy: Proxy
) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, done=1, sequence=1))
    until(lambda: world.status().get("done") == "1/8" and world.status()["workers"]["ready"] == 2, "progress")
    until(lambda: driver.questions >= 3, "the operator waits for news")
    before = len(proxy.requests)

    for beat in range(HEARTBEATS):
        asked = driver.questions
        usage = Usage(trial_seconds=30 + beat, gpu_seconds=7200 + beat, running_seconds=15 + beat)
        driver.publish(report_of(world, done=1, sequence=2 + beat, usage=usage))
        until(lambda asked=asked: driver.questions > asked, "the heartbeat is heard")

    requests = list(proxy.requests)[before:]
    assert [str(request) for request in requests if request.write] == []
    assert [str(request) for request in requests if is_list(request)] == []


def writes_of(world: World, driver: FakeDriver, proxy: Proxy, trials: int) -> int:
    """Run an experiment of so many trials, each of which ends, in the same time; return what was written meanwhile."""
    world.apply(budget={"trials": trials, "parallelTrials": 2})
    bring_up(world, driver)
    driver.publish(report_of(world, done=0, sequence=1))
    until(lambda: world.condition("Running").get("status") == "True", "running")
    before, begin = len(proxy.writes()), time.monotonic()

    def goes_on() -> bool:
        done = min(trials, int(trials * (time.monotonic() - begin) / RUN_SECONDS))
        counts = {"total": trials, "succeeded": done, "pending": trials - done, "running": 0}
        driver.publish(report_of(world, trials=counts, sequence=2 + done))
        return done == trials

    until(goes_on, "the end", 3 * RUN_SECONDS)
    until(lambda: world.status()["done"] == f"{trials}/{trials}", "the last trial in status")
    return len(proxy.writes()) - before


def test_many_trials_are_written_as_seldom_as_few(rest: Rest, operator: Operator, proxy: Proxy) -> None:
    counted = []
    for trials in (16, 256):
        with a_world(rest, operator.namespaces[0]) as world, FakeDriver(port=operator.progress_port) as driver:
            counted.append(writes_of(world, driver, proxy, trials))
    few, many = counted

    assert many <= few + 2, counted
    assert many <= RUN_SECONDS / 1.5 + 3, counted


def test_failed_trials_are_told_together_with_the_last_one_s_error(
    world: World, operator: Operator, driver: FakeDriver
) -> None:
    world.apply()
    bring_up(world, driver)
    driver.publish(report_of(world, sequence=1))
    until(lambda: world.condition("Running").get("status") == "True", "running")
    for number in range(1, 5):
        counts = {"total": 8, "failed": number, "pending": 8 - number}
        error = f"Traceback\n  line {number}\nRuntimeError: the data set is on strike"
        failures = [{"trial": f"t{number:04d}", "cause": "Exception", "message": error}]
        driver.publish(report_of(world, trials=counts, failures=failures, sequence=1 + number))
        until(lambda number=number: world.status()["trials"]["failed"] == number, "the failure in status")

    listed = rest_events(world)
    assert [event["message"] for event in listed] == [
        "t0001 failed: Exception: Traceback\n  line 1\nRuntimeError: the data set is on strike"
    ]
    until(lambda: len(rest_events(world)) == 2, "the others, told together", 40)
    assert rest_events(world)[-1]["message"].startswith("3 trials failed, the last one t0004: Exception: Traceback")


def rest_events(world: World) -> list[dict[str, str]]:
    path = f"/api/v1/namespaces/{world.namespace}/events?fieldSelector=involvedObject.name={world.name}"
    found = [event for event in world.rest("GET", path)["items"] if event["reason"] == "TrialFailed"]
    return sorted(found, key=lambda event: event["firstTimestamp"])
