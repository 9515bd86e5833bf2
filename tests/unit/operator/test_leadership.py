"""Who leads: candidates, a leader that sleeps, and a shelf with one Lease that answers as an API server does."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import pytest

from luthier.operator.errors import AlreadyExistsError, ConflictError, NotLeadingError, UnavailableError
from luthier.operator.leadership import Alone, Leadership, LeadershipLostError
from luthier.operator.lease import Json, Lease, Sight

WANTED = Lease("luthier", "here", seconds=10)
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


class Shelf:
    """Holds one Lease, with optimistic concurrency."""

    def __init__(self) -> None:
        self.body: Json | None = None
        self.is_away = False
        self.loses_answers = False
        self.writes: list[str] = []
        self._versions = itertools.count(1)

    async def get(self, _kind: str, _namespace: str, _name: str) -> Json | None:
        self._answer()
        return self.body

    async def create(self, manifest: Json) -> Json:
        self._answer()
        if self.body is not None:
            raise AlreadyExistsError("it is there")
        return self._store(manifest)

    async def replace(self, manifest: Json) -> Json:
        self._answer()
        if self.body is None or self.body["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise ConflictError("it has changed")
        return self._store(manifest)

    @property
    def holder(self) -> str:
        return Lease.of(self.body).holder if self.body else "nobody"

    def _store(self, manifest: Json) -> Json:
        self.writes.append(manifest["spec"]["holderIdentity"])
        metadata = {**manifest["metadata"], "resourceVersion": str(next(self._versions))}
        self.body = {**manifest, "metadata": metadata}
        if self.loses_answers:
            raise UnavailableError("cut")
        return self.body

    def _answer(self) -> None:
        if self.is_away:
            raise UnavailableError("away")


class Candidate:
    """A candidate whose clock is turned by hand; each step is one look or one renewal."""

    def __init__(self, shelf: Shelf, name: str) -> None:
        self.now = 100.0
        self.told: list[bool] = []
        self.leadership = Leadership(shelf, WANTED, name, self.told.append, lambda: self.now)  # type: ignore[arg-type]

    @property
    def leads(self) -> bool:
        return self.leadership.leads()

    def steps(self, seconds: float = 0) -> None:
        """Let time pass, then do what is due."""
        self.now += seconds

        async def once() -> None:
            task = asyncio.ensure_future(self.leadership.keep())
            for _ in range(5):
                await asyncio.sleep(0)
            if task.done():
                await task
            task.cancel()

        asyncio.run(once())


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def first(shelf: Shelf) -> Candidate:
    candidate = Candidate(shelf, "first")
    candidate.steps()
    return candidate


@pytest.fixture
def second(first: Candidate, shelf: Shelf) -> Candidate:
    assert first.leads
    candidate = Candidate(shelf, "second")
    candidate.steps()
    return candidate


def test_the_first_to_come_leads_and_the_second_stands_by(first: Candidate, second: Candidate, shelf: Shelf) -> None:
    assert (first.leads, second.leads, shelf.holder) == (True, False, "first")
    assert (first.told, second.told) == ([True], [])


def test_a_leader_that_renews_is_never_followed(first: Candidate, second: Candidate, shelf: Shelf) -> None:
    for _ in range(20):
        first.steps(2)
        second.steps(2)
    assert (first.leads, second.leads) == (True, False)


def test_a_leader_that_falls_silent_is_followed_after_the_duration(second: Candidate, shelf: Shelf) -> None:
    second.steps(9.9)
    assert not second.leads
    second.steps(0.2)
    assert (second.leads, shelf.holder, second.told) == (True, "second", [True])


def test_a_leader_stops_before_another_one_may_begin(first: Candidate, second: Candidate) -> None:
    first.now += 6.9
    first.leadership.require()
    first.now += 0.2
    with pytest.raises(NotLeadingError):
        first.leadership.require()
    second.steps(7.1)
    assert not second.leads


def test_certainty_is_counted_from_before_the_renewal_was_sent(shelf: Shelf) -> None:
    candidate = Candidate(shelf, "first")
    create = shelf.create

    async def slowly(manifest: Json) -> Json:
        candidate.now += 6
        return await create(manifest)

    shelf.create = slowly  # type: ignore[method-assign]
    candidate.steps()
    assert candidate.leads
    candidate.now += 1.1
    assert not candidate.leads


def test_a_leader_that_wakes_up_after_another_took_over_is_lost_and_writes_nothing(
    first: Candidate, second: Candidate, shelf: Shelf
) -> None:
    second.steps(10.1)
    before = list(shelf.writes)
    with pytest.raises(LeadershipLostError, match="second"):
        first.steps(10.2)
    assert (first.leads, shelf.writes) == (False, before)


def test_a_leader_that_wakes_up_before_anybody_took_over_goes_on(first: Candidate, shelf: Shelf) -> None:
    first.steps(60)
    assert (first.leads, shelf.holder, Lease.of(shelf.body or {}).transitions) == (True, "first", 0)


def test_a_leader_that_finds_the_lease_deleted_is_lost(first: Candidate, shelf: Shelf) -> None:
    shelf.body = None
    first.steps(2)
    with pytest.raises(LeadershipLostError, match="nobody"):
        first.steps(0.4)


def test_a_lease_that_was_deleted_is_not_taken_for_one_that_was_given_back(second: Candidate, shelf: Shelf) -> None:
    shelf.body = None
    second.steps(2)
    assert not second.leads
    second.steps(8.1)
    assert second.leads


def test_an_api_server_that_is_away_interrupts_and_does_not_end_leadership(first: Candidate, shelf: Shelf) -> None:
    shelf.is_away = True
    for _ in range(30):
        first.steps(2)
    assert (first.leads, first.told) == (False, [True, False])
    shelf.is_away = False
    first.steps(2)
    assert (first.leads, first.told) == (True, [True, False, True])


def test_a_renewal_whose_answer_was_lost_is_found_out_by_looking(first: Candidate, shelf: Shelf) -> None:
    shelf.loses_answers = True
    first.steps(2)
    shelf.loses_answers = False
    first.steps(1)
    assert not first.leads
    first.steps(0.4)
    assert first.leads


def test_a_lease_that_is_given_back_can_be_taken_at_once(first: Candidate, second: Candidate, shelf: Shelf) -> None:
    asyncio.run(first.leadership.release())
    assert (first.leads, shelf.holder) == (False, "")
    second.steps(0.1)
    assert (second.leads, Lease.of(shelf.body or {}).transitions) == (True, 1)


def test_a_pod_whose_container_was_started_again_takes_its_own_lease_at_once(first: Candidate, shelf: Shelf) -> None:
    again = Candidate(shelf, "first")
    again.steps()
    assert again.leads


def test_who_does_not_lead_gives_nothing_back(second: Candidate, shelf: Shelf) -> None:
    asyncio.run(second.leadership.release())
    assert shelf.holder == "first"


def test_of_two_that_want_a_free_lease_one_gets_it(shelf: Shelf) -> None:
    candidates = [Candidate(shelf, "first"), Candidate(shelf, "second")]

    async def race() -> None:
        tasks = [asyncio.ensure_future(candidate.leadership.keep()) for candidate in candidates]
        for _ in range(5):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    asyncio.run(race())
    assert sum(candidate.leads for candidate in candidates) == 1


def test_the_duration_is_the_one_that_the_holder_was_promised() -> None:
    seen = Sight(Lease("luthier", "here", holder="first", seconds=30, version="1"), since=0)
    assert not seen.may_be_taken("second", 29)
    assert seen.may_be_taken("second", 30)


def test_a_record_shows_people_since_when_it_is_held_and_how_often_it_changed_hands() -> None:
    stored = Lease("luthier", "here", holder="first", seconds=10, transitions=3, acquired="then", version="7")
    renewed, taken = stored.held_by("first", 10, NOW)["spec"], stored.held_by("second", 10, NOW)["spec"]
    assert (renewed["acquireTime"], renewed["leaseTransitions"]) == ("then", 3)
    assert (taken["acquireTime"], taken["leaseTransitions"]) == ("2026-01-02T03:04:05.000006Z", 4)
    assert Lease.of({"metadata": {"name": "luthier", "namespace": "here"}}) == Lease("luthier", "here")


def test_an_operator_that_is_told_of_no_lease_leads() -> None:
    told: list[bool] = []
    alone = Alone(told.append)

    async def start() -> None:
        task = asyncio.ensure_future(alone.keep())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(start())
    alone.require()
    assert (alone.leads(), told) == (True, [True])
