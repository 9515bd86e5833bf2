"""`kubectl describe` reads like a story, and `kubectl get` like its last line; on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from luthier.api.status import Activity, Exploit, FailedTrial, Population, RungCount, TrialCounts
from luthier.api.wire import Phase
from support.apiserver import Kubectl
from support.operator_builders import a_best, an_outcome
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import ROOMY, a_world, bring_up, mortal_operator, report_of, rest, shared_operator
from support.operator_world import Operator, Rest, World, until

__all__ = ["mortal_operator", "rest", "shared_operator"]
pytestmark = pytest.mark.apiserver
MANY = 60


@pytest.fixture
def world(rest: Rest, shared_operator: Operator) -> Iterator[World]:
    with a_world(rest, shared_operator.namespaces[ROOMY]) as world:
        yield world


@pytest.fixture
def driver(shared_operator: Operator) -> Iterator[FakeDriver]:
    with FakeDriver(port=shared_operator.progress_port) as driver:
        yield driver


def told(world: World, reason: str) -> list[str]:
    path = f"/api/v1/namespaces/{world.namespace}/events?fieldSelector=involvedObject.name={world.name}"
    return [event["message"] for event in world.rest("GET", path)["items"] if event["reason"] == reason]


def publish(world: World, driver: FakeDriver, sequence: int, **facts: Any) -> None:
    driver.publish(report_of(world, sequence=sequence, last_result_time=datetime.now(UTC), **facts))


def test_a_population_s_life_reads_like_a_story(world: World, driver: FakeDriver, kubectl: Kubectl) -> None:
    world.apply(scheduler={"pbt": {"perturbationInterval": 2}}, budget=A_BUDGET)
    bring_up(world, driver)
    publish(world, driver, 1, best=a_best(0.5))
    until(lambda: told(world, "FirstResult"), "the first result")
    copy = {"trial": "t0002", "donor": "t0003", "iteration": 2, "donor_iteration": 4, "time": datetime.now(UTC)}
    population = Population(exploits=1, lineage=[Exploit(**copy, changed={"x": [0.5, 0.6]})])
    rungs = Activity(rungs=[RungCount(iterations=2, promoted=3, stopped=1)])
    failed = TrialCounts(total=8, running=2, failed=1, pending=5)
    why = [FailedTrial(trial="t0001", cause="OutOfMemory", message="no room for it")]
    later = {"population": population, "activity": rungs, "trials": failed, "failures": why}
    publish(world, driver, 2, best=a_best(0.75), **later)
    until(lambda: told(world, "Exploited") and told(world, "TrialFailed"), "what trials did")
    end = an_outcome("TrialsDone")
    publish(world, driver, 3, phase=Phase.FINISHED, best=a_best(0.75), done=8, running=0, outcome=end)
    until(lambda: told(world, "Succeeded"), "the end")

    assert told(world, "FirstResult") == ["accuracy 0.5 by t0003"]
    assert told(world, "NewBest") == ["accuracy 0.75 by t0003 at iteration 4, after 0.5"]
    assert told(world, "Promoted") == ["3 trials went on: 3 from rung 2; 1 stopped"]
    assert told(world, "Exploited") == ["t0002 went on from t0003's weights of iteration 4 with x 0.5 to 0.6"]
    assert told(world, "TrialFailed") == ["t0001 failed: OutOfMemory: no room for it"]
    assert told(world, "BudgetReached") == ["it ended because of TrialsDone"]
    described = kubectl("describe", "tx", world.name, "--namespace", world.namespace)
    for reason in ("Accepted", "Started", "FirstResult", "NewBest", "Exploited", "BudgetReached", "Succeeded"):
        assert f" {reason} " in described


def test_a_stall_and_its_end_are_told(world: World, driver: FakeDriver) -> None:
    world.apply(workers={"max": 0})
    world.hang_pod("-driver-1", "ErrImagePull", "no such image")
    until(lambda: told(world, "Stalled"), "the stall", 30)
    driver.token = world.token()
    world.run_pod("-driver-1")
    publish(world, driver, 1, best=a_best(0.5))
    until(lambda: told(world, "Recovered"), "its end", 30)
    assert told(world, "Recovered") == ["no longer ImagePull"]


def test_many_bests_and_copies_are_few_events(world: World, driver: FakeDriver) -> None:
    world.apply(scheduler={"pbt": {"perturbationInterval": 2}}, budget=A_BUDGET)
    bring_up(world, driver)
    for number in range(MANY):
        asked = driver.questions
        best = a_best(0.5 + number / 1000)
        publish(world, driver, 1 + number, best=best, population=Population(exploits=number))
        if number % 20 == 0:
            until(lambda asked=asked: driver.questions > asked, "the report is heard")
    until(lambda: world.status().get("bestValue") == "0.559", "the last best in status")
    assert len(told(world, "NewBest")) <= 2
    assert len(told(world, "Exploited")) <= 2


def test_the_wide_table_names_the_best_trial_failures_restarts_and_why(
    world: World, driver: FakeDriver, kubectl: Kubectl
) -> None:
    world.apply()
    bring_up(world, driver)
    counts = TrialCounts(total=8, running=2, failed=1, pending=5)
    publish(world, driver, 1, best=a_best(0.5), trials=counts)
    until(lambda: world.status().get("state") == "Running", "running")
    table = kubectl("get", "tx", world.name, "--namespace", world.namespace, "--output", "wide")
    head, row = (line.rstrip() for line in table.strip().splitlines())
    for column in ("BEST-TRIAL", "FAILED", "ATTEMPT", "RESTARTS", "STALLED", "MESSAGE"):
        assert column in head
    at = head.index("BEST-TRIAL")
    assert row[at:].split()[:4] == ["t0003", "1", "1", "0"]
    assert row[head.index("MESSAGE") :] == world.status()["message"] == world.condition("Running")["message"]
    narrow = kubectl("get", "tx", world.name, "--namespace", world.namespace)
    assert len(narrow.splitlines()[0]) < 100


A_BUDGET = {"trials": 8, "parallelTrials": 2, "iterationsPerTrial": 8}


def test_an_operator_that_comes_back_shows_the_same_series_and_counts_no_arrival_twice(
    rest: Rest, mortal_operator: Operator
) -> None:
    operator = mortal_operator
    with a_world(rest, operator.namespaces[0]) as world, FakeDriver(port=operator.progress_port) as driver:
        world.apply(workers={"max": 0})
        until(lambda: world.pod("-driver-1"), "the driver")
        driver.token = world.token()
        world.run_pod("-driver-1")
        activity = Activity(retries={"Evicted": 2}, rungs=[RungCount(iterations=3, promoted=2, stopped=1)])
        report = report_of(world, phase=Phase.FINISHED, done=8, running=0, best=a_best(), outcome=an_outcome())
        driver.publish(report.model_copy(update={"activity": activity, "last_result_time": datetime.now(UTC)}))
        until(lambda: world.condition("Succeeded").get("status") == "True", "success")
        arrivals = [f"luthier_{what}_seconds_count" for what in ("queue_wait", "startup")]
        assert [operator.metric(name) for name in arrivals] == [1, 1]
        before = series_of(operator, world)
        assert any(line.startswith("luthier_rung_promotions_total") for line in before)
        operator.kill()
        operator.start()
        rounds = operator.rounds()
        until(lambda: operator.rounds() > rounds, "a round")
        assert series_of(operator, world) == before
        assert [operator.metric(name) for name in arrivals] == [0, 0]


def series_of(operator: Operator, world: World) -> list[str]:
    return [line for line in operator.page("metrics")[1].splitlines() if f'experiment="{world.name}"' in line]
