"""Two operators and one Lease: one acts, the other takes over, and what was stopped and woken writes nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import bring_up, report_of, rest
from support.operator_proxy import Held, Proxy
from support.operator_world import Operator, Rest, World, make_namespace, until

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver
SHORT_SECONDS = 3
"""A Lease for tests that wait for its end. The one with the real duration measures it."""


@dataclass
class Member:
    """An operator and its own way to the API server."""

    operator: Operator
    proxy: Proxy


@dataclass
class Pair:
    """A leader and a standby, an experiment and its driver."""

    leader: Member
    standby: Member
    world: World
    driver: FakeDriver

    def publish(self, done: int) -> None:
        self.driver.publish(report_of(self.world, done=done, sequence=done))

    def see(self, done: int, seconds: float = 30) -> None:
        until(lambda: self.world.status().get("done") == f"{done}/8", f"{done} trials in status", seconds)

    def take_over(self) -> None:
        until(self.standby.operator.leads, "the standby leads", 30)


MakePair = Callable[[int], Pair]


@pytest.fixture
def make_pair(api_server: Path, rest: Rest, tmp_path: Path) -> Iterator[MakePair]:
    """Start two operators, the first one leading, and an experiment that runs."""
    with ExitStack() as stack:

        def make(lease_seconds: int) -> Pair:
            namespace = f"operator-{uuid.uuid4().hex[:8]}"
            make_namespace(rest, namespace)
            driver = stack.enter_context(FakeDriver())
            members = []
            for name in ("first", "second"):
                proxy = stack.enter_context(Proxy(api_server))
                operator = Operator(
                    proxy.write_kubeconfig(tmp_path / name),
                    tmp_path / f"{name}.log",
                    namespace,
                    progress_port=driver.port,
                    LUTHIER_LEASE_NAMESPACE=namespace,
                    LUTHIER_LEASE_SECONDS=str(lease_seconds),
                    POD_ID=name,
                )
                stack.callback(operator.kill)
                operator.start()
                until(lambda operator=operator: operator.leads() == (not members), "the first leads")
                members.append(Member(operator, proxy))
            pair = Pair(*members, World(rest, namespace, "quad"), driver)
            pair.world.apply()
            bring_up(pair.world, driver)
            pair.publish(1)
            pair.see(1)
            return pair

        yield make
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text()


def test_a_standby_is_ready_and_writes_nothing(make_pair: MakePair) -> None:
    pair = make_pair(SHORT_SECONDS)
    standby = pair.standby
    assert (standby.operator.page("readyz")[0], standby.operator.page("healthz")[0]) == (200, 200)
    assert (standby.proxy.writes(), standby.operator.rounds()) == ([], 0)
    assert "luthier_trials" not in standby.operator.page("metrics")[1]
    assert "luthier_trials" in pair.leader.operator.page("metrics")[1]


def test_a_leader_that_is_killed_is_followed_within_fifteen_seconds(make_pair: MakePair) -> None:
    pair = make_pair(10)
    pair.leader.operator.kill()
    begin = time.monotonic()
    pair.publish(4)
    pair.see(4)
    assert time.monotonic() - begin < 15
    assert pair.world.status()["attempt"] == 1


def test_a_leader_that_is_told_to_leave_is_followed_at_once(make_pair: MakePair) -> None:
    pair = make_pair(10)
    begin = time.monotonic()
    pair.leader.operator.terminate()
    pair.publish(4)
    pair.see(4)
    assert time.monotonic() - begin < 5
    until(lambda: pair.leader.operator.exit_code() == 0, "a polite end")


def test_a_leader_that_was_stopped_and_woken_writes_nothing_and_leaves(make_pair: MakePair) -> None:
    pair = make_pair(SHORT_SECONDS)
    old = pair.leader
    old.operator.freeze()
    pair.take_over()
    before = old.proxy.writes()  # by now what was on its way when it froze has arrived
    # Plenty to do for whoever wakes up: a report in its socket, an event in its watch, and a driver that may leave.
    pair.publish(5)
    pair.see(5)
    pair.world.edit({"budget": {"trials": 12, "parallelTrials": 2}})
    until(lambda: pair.driver.budgets, "the new budget")
    pair.world.end_pod("-worker-1-1", 1)
    old.operator.thaw()
    until(lambda: old.operator.exit_code() is not None, "the old leader leaves", 10)
    assert (old.operator.exit_code(), old.proxy.writes()) == (3, before)
    assert "taken by second" in old.operator.log()


def test_an_api_server_that_is_away_longer_than_the_lease_changes_no_leader(make_pair: MakePair) -> None:
    pair = make_pair(SHORT_SECONDS)
    for member in (pair.leader, pair.standby):
        member.proxy.go_away()
    until(lambda: not pair.leader.operator.leads(), "doubt", 10)
    pair.publish(6)
    for member in (pair.leader, pair.standby):
        member.proxy.is_away = False
    pair.see(6)
    assert pair.leader.operator.exit_code() is None
    assert pair.leader.operator.leads() != pair.standby.operator.leads()


def test_writes_that_had_passed_the_gate_come_too_late_to_do_harm(make_pair: MakePair) -> None:
    """Stopped after the gate, with writes under way: no clock helps there, the API server's own guards do."""
    pair = make_pair(SHORT_SECONDS)
    old, rest, namespace = pair.leader, pair.world.rest, pair.world.namespace
    told, suspended, fresh = (World(rest, namespace, name) for name in ("told", "suspended", "fresh"))
    for world in (told, suspended):
        world.apply(workers={"max": 0})
        until(lambda world=world: world.status().get("attempt") == 1, "status")
    late = {
        "a status": Held(lambda request: request.verb == "PATCH" and "/told/" in request.path),
        "a deletion": Held(lambda request: request.verb == "DELETE" and "/pods/suspended-" in request.path),
        "a driver": Held(
            lambda request: request.creates and "fresh" in request.creates and "driver" in request.creates
        ),
    }
    old.proxy.script = lambda request: next((held for held in late.values() if held.takes(request)), None)
    told.edit({"budget": {"trials": 9}})
    suspended.edit({"suspend": True})
    fresh.apply(workers={"max": 0})
    until(lambda: all(held.is_taken for held in late.values()), "all are under way")
    old.operator.freeze()
    pair.take_over()
    until(lambda: told.status().get("observedGeneration") == 2, "the edit in status")
    until(lambda: fresh.pod("-driver-1"), "a driver for the new one")
    for world in (suspended, fresh):
        world.edit({"suspend": True})
        until(lambda world=world: world.names("pods") == [], "no pods")
        until(lambda world=world: world.status()["state"] == "Suspended", "suspended")
        world.edit({"suspend": False})
        until(lambda world=world: world.status()["attempt"] == 2 and world.pod("-driver-2"), "the second attempt")
    told.edit({"budget": {"trials": 10}})
    until(lambda: told.status()["observedGeneration"] == 3, "the next edit in status")
    before = {world.name: (world.status(), world.children("pods")) for world in (told, suspended)}

    for held in late.values():
        held.go.set()
    until(lambda: all(held.answers for held in late.values()), "the API server has answered")
    assert [held.answers for held in late.values()] == [[409], [404], [201]]
    assert {world.name: (world.status(), world.children("pods")) for world in (told, suspended)} == before
    # A create is late and not wrong: nothing in it says that it is old. It is found, and its attempt is behind.
    until(lambda: fresh.pod("-driver-1") is None, "the late driver is cleared away")
    assert fresh.pod("-driver-2") is not None
    old.operator.thaw()
    until(lambda: old.operator.exit_code() == 3, "the old leader leaves", 10)
