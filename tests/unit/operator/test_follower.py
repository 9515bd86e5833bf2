"""Following a driver that talks over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from luthier.api.failures import Cause
from luthier.api.wire import Phase, WorkerFact
from luthier.operator.contact import Contact
from luthier.operator.driver_client import DriverError
from luthier.operator.errors import NotLeadingError
from luthier.operator.follower import Followers, Target, pause_before_retry
from luthier.operator.observation import Identity
from support.operator_builders import IDENTITY, NOW, UID, a_report, ago, an_experiment, an_outcome
from support.operator_fake_driver import FakeDriver

Scenario = Callable[["Listener", FakeDriver], Awaitable[None]]


class Listener:
    """Followers of one driver, and an ear for their news."""

    def __init__(self, port: int, token: str = "secret") -> None:
        self.news: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.followers = Followers(self.read_token, self.news.put_nowait, port, self.gate)
        self.leads = True
        self.token = token
        self.target = Target(IDENTITY, 1, "127.0.0.1")

    async def read_token(self, _identity: Identity) -> str:
        return self.token

    def gate(self) -> None:
        if not self.leads:
            raise NotLeadingError("another operator may be leading")

    def follow(self) -> None:
        self.followers.follow(UID, self.target)

    async def hear(self) -> None:
        await asyncio.wait_for(self.news.get(), 5)


def run(scenario: Scenario, token: str = "secret") -> None:
    async def main() -> None:
        with FakeDriver(token="secret") as driver:
            listener = Listener(driver.port, token)
            try:
                await scenario(listener, driver)
            finally:
                await listener.followers.close()

    asyncio.run(main())


def test_each_new_report_is_heard() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        driver.publish(a_report(sequence=2, done=1))
        await listener.hear()
        assert listener.followers.contact(UID).report == a_report(sequence=2, done=1)

    run(scenario)


def test_a_finished_report_is_acknowledged_only_when_told_to() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(Phase.FINISHED, sequence=7, outcome=an_outcome()))
        listener.follow()
        await listener.hear()
        assert not driver.was_acknowledged.is_set()
        listener.followers.acknowledge(UID)
        await asyncio.to_thread(driver.was_acknowledged.wait, 5)
        assert driver.was_acknowledged.is_set()

    run(scenario)


@pytest.mark.parametrize("other", [{"uid": "somebody-else"}, {"attempt": 2}], ids=["experiment", "attempt"])
def test_a_report_of_another_is_dropped(other: dict[str, object]) -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(**other))
        listener.follow()
        await listener.hear()
        contact = listener.followers.contact(UID)
        assert (contact.report, contact.unreachable_since is None) == (None, False)

    run(scenario)


def test_silence_is_told_once_and_its_end_too() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.raised_status = 500
        listener.follow()
        await listener.hear()
        assert "500" in listener.followers.contact(UID).problem
        driver.publish(a_report(sequence=1))
        driver.raised_status = None
        await listener.hear()
        assert listener.followers.contact(UID).unreachable_since is None

    run(scenario)


def test_a_wrong_token_is_a_problem_with_a_name() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        listener.follow()
        await listener.hear()
        assert "401" in listener.followers.contact(UID).problem

    run(scenario, token="wrong")


@pytest.mark.parametrize("raw", [b"", b"{", b"x" * 300_000, b'{"sequence": Infinity}', b"[" * 100_000])
def test_nonsense_is_a_problem_and_nothing_worse(raw: bytes) -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.raw = raw
        listener.follow()
        await listener.hear()
        contact = listener.followers.contact(UID)
        assert (contact.report, contact.problem != "") == (None, True)

    run(scenario)


def test_a_budget_is_pushed_once_in_a_while() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        budget = an_experiment().spec.budget
        for generation in (2, 2, 3):
            await listener.followers.push_budget(UID, generation, budget)
        assert [body["generation"] for body in driver.budgets] == [2, 3]
        assert driver.budgets[0]["budget"] == {"trials": 8, "parallelTrials": 2, "failedTrials": 3, "stop": False}

    run(scenario)


def test_a_budget_that_cannot_be_pushed_is_an_error() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        driver.raised_status = 400
        with pytest.raises(DriverError, match="400"):
            await listener.followers.push_budget(UID, 2, an_experiment().spec.budget)

    run(scenario)


FACT = WorkerFact(name="digits-12345-worker-1-0", ip="10.0.0.1", cause=Cause.OUT_OF_MEMORY, message="killed")


def test_facts_about_workers_are_told() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        await listener.followers.push_facts(UID, (FACT,))
        assert driver.facts == [FACT.to_json()]
        assert listener.followers.contact(UID).told == (FACT,)

    run(scenario)


def test_facts_that_cannot_be_told_are_owed_and_not_tried_again_at_once() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        driver.raised_status = 500
        with pytest.raises(DriverError, match="500"):
            await listener.followers.push_facts(UID, (FACT,))
        driver.raised_status = None
        await listener.followers.push_facts(UID, (FACT,))
        contact = listener.followers.contact(UID)
        assert (driver.facts, contact.owed, contact.told) == ([], (FACT,), ())

    run(scenario)


def test_a_driver_that_does_not_care_for_facts_is_not_asked_twice() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        driver.raised_status = 404
        await listener.followers.push_facts(UID, (FACT,))
        assert listener.followers.contact(UID).told == (FACT,)

    run(scenario)


def test_a_new_attempt_is_another_driver_and_a_new_generation_is_not() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        listener.followers.follow(UID, replace(listener.target, identity=replace(IDENTITY, generation=2)))
        assert listener.followers.contact(UID).report is not None
        listener.followers.follow(UID, replace(listener.target, attempt=2))
        assert listener.followers.contact(UID).report is None

    run(scenario)


def test_the_last_report_outlives_the_driver() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(sequence=1))
        listener.follow()
        await listener.hear()
        listener.followers.follow(UID, None)
        assert listener.followers.contact(UID).report == a_report(sequence=1)
        listener.followers.forget(UID)
        assert listener.followers.contact(UID).report is None

    run(scenario)


def test_only_the_leader_tells_a_driver_anything() -> None:
    async def scenario(listener: Listener, driver: FakeDriver) -> None:
        driver.publish(a_report(Phase.FINISHED, sequence=7, outcome=an_outcome()))
        listener.follow()
        await listener.hear()
        listener.leads = False
        with pytest.raises(NotLeadingError):
            await listener.followers.push_budget(UID, 2, an_experiment().spec.budget)
        listener.followers.acknowledge(UID)
        await listener.hear()
        assert (driver.budgets, driver.was_acknowledged.is_set()) == ([], False)
        listener.leads = True
        await asyncio.to_thread(driver.was_acknowledged.wait, 5)
        assert driver.was_acknowledged.is_set()

    run(scenario)


@pytest.mark.parametrize(
    ("silent_seconds", "pause"),
    [(0, 0.5), (0.4, 0.5), (3, 3.0), (600, 15.0)],
    ids=["first", "soon", "longer", "for good"],
)
def test_a_driver_that_stays_silent_is_asked_more_and_more_seldom(silent_seconds: float, pause: float) -> None:
    assert pause_before_retry(Contact(unreachable_since=ago(silent_seconds)), NOW) == pause


def test_a_driver_that_has_spoken_is_given_time_before_it_is_asked_again() -> None:
    assert pause_before_retry(Contact(report=a_report(), unreachable_since=NOW), NOW) == 2.0
