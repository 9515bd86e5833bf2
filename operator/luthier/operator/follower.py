"""Following the drivers: one small task for each that runs, asking for news and waiting for them.

A finished report is acknowledged only when told to, which is after its outcome stands in status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import aiohttp

from luthier.api.experiment import Budget
from luthier.api.wire import Phase, Report, WorkerFact
from luthier.operator.cache import Key
from luthier.operator.cluster import Gate
from luthier.operator.contact import Contact
from luthier.operator.driver_client import DriverClient, DriverError
from luthier.operator.errors import ClusterError
from luthier.operator.observation import Identity

LOGGER = logging.getLogger(__name__)
WAIT_SECONDS = 20
PACE_SECONDS = 0.5
"""At most two reports a second are looked at."""
RETRY_SECONDS = 2.0
MOST_RETRY_SECONDS = 15.0
PUSH_AGAIN_SECONDS = 5.0

ReadToken = Callable[[Identity], Awaitable[str]]
Notify = Callable[[Key], None]


@dataclass(frozen=True)
class Target:
    """A driver to follow."""

    identity: Identity
    attempt: int
    ip: str

    @property
    def key(self) -> Key:
        """The experiment's key."""
        return self.identity.namespace, self.identity.name

    def is_same_as(self, other: Target) -> bool:
        """Tell whether both are one driver; a new generation of the spec makes no new driver."""
        return (self.identity.uid, self.attempt, self.ip) == (other.identity.uid, other.attempt, other.ip)


@dataclass
class Follower:
    """One driver, as far as it is followed."""

    target: Target
    contact: Contact
    task: asyncio.Task[None] | None = None
    client: DriverClient | None = None
    may_leave: asyncio.Event = field(default_factory=asyncio.Event)
    pushed: tuple[int, float] = (0, 0.0)
    """Generation that was pushed last, and when, by the loop's clock."""
    told_at: float = float("-inf")
    """When it was last tried to tell facts, by the same clock."""
    is_deaf: bool = False
    """That try did not succeed."""


def pause_before_retry(contact: Contact, now: datetime) -> float:
    """Return seconds: as long again as it has been silent already, so that many lost drivers cost no more than one."""
    least = RETRY_SECONDS if contact.report else PACE_SECONDS
    silent = (now - contact.unreachable_since).total_seconds() if contact.unreachable_since else 0.0
    return min(max(least, silent), MOST_RETRY_SECONDS)


class Followers:
    """All followers, by uid of the experiment."""

    def __init__(self, read_token: ReadToken, notify: Notify, port: int, gate: Gate) -> None:
        self._read_token = read_token
        self._notify = notify
        self._port = port
        self._gate = gate
        self._followers: dict[str, Follower] = {}
        self._session: aiohttp.ClientSession | None = None

    def contact(self, uid: str) -> Contact:
        """Return how the talk with an experiment's driver goes."""
        follower = self._followers.get(uid)
        return follower.contact if follower else Contact()

    def follow(self, uid: str, target: Target | None) -> None:
        """Follow this driver of the experiment, and no other; None follows nobody but keeps the last report."""
        known = self._followers.get(uid)
        if target is None:
            if known is not None and known.task is not None:
                known.task.cancel()
                known.task = None
                known.contact = replace(known.contact, unreachable_since=None, problem="")
            return
        if known is not None and known.task is not None and known.target.is_same_as(target):
            return
        self.forget(uid)
        follower = Follower(target, Contact(attempt=target.attempt))
        self._followers[uid] = follower
        follower.task = asyncio.create_task(self._run(follower), name=f"follow {target.identity.base}")

    def forget(self, uid: str) -> None:
        """Forget an experiment."""
        follower = self._followers.pop(uid, None)
        if follower is not None and follower.task is not None:
            follower.task.cancel()

    def acknowledge(self, uid: str) -> None:
        """Let the driver go: its outcome is in status."""
        follower = self._followers.get(uid)
        if follower is not None:
            follower.may_leave.set()

    async def push_budget(self, uid: str, generation: int, budget: Budget) -> None:
        """Tell the driver its new budget, not more often than it needs to say that it has it.

        Raises:
            DriverError: it could not be told.
        """
        follower = self._followers.get(uid)
        now = asyncio.get_running_loop().time()
        if follower is None or follower.client is None:
            return
        pushed, at = follower.pushed
        if pushed == generation and now - at < PUSH_AGAIN_SECONDS:
            return
        await follower.client.push_budget(generation, budget)
        follower.pushed = (generation, now)

    async def push_facts(self, uid: str, facts: tuple[WorkerFact, ...]) -> None:
        """Tell the driver what became of its worker pods; what it could not be told is owed to it, and tried again.

        Raises:
            DriverError: it could not be told.
        """
        follower = self._followers.get(uid)
        now = asyncio.get_running_loop().time()
        if follower is None or follower.client is None:
            return
        follower.contact = replace(follower.contact, owed=facts)
        if follower.is_deaf and now - follower.told_at < PUSH_AGAIN_SECONDS:
            return
        follower.told_at, follower.is_deaf = now, True
        await follower.client.push_facts(facts)
        follower.contact, follower.is_deaf = follower.contact.having_told(facts), False

    async def close(self) -> None:
        """Stop following."""
        for uid in list(self._followers):
            self.forget(uid)
        if self._session is not None:
            await self._session.close()

    async def _run(self, follower: Follower) -> None:
        if self._session is None:
            # Pod addresses pass from one driver to the next: no connection is kept for another question.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        while True:
            try:
                await self._converse(follower, self._session)
            except (DriverError, ClusterError) as error:
                self._lost_touch(follower, str(error))
            else:
                return
            await asyncio.sleep(pause_before_retry(follower.contact, datetime.now(UTC)))

    async def _converse(self, follower: Follower, session: aiohttp.ClientSession) -> None:
        target = follower.target
        if follower.client is None:
            token = await self._read_token(target.identity)
            host = f"[{target.ip}]" if ":" in target.ip else target.ip
            follower.client = DriverClient(session, f"http://{host}:{self._port}", token, self._gate)
        while True:
            known = follower.contact.report
            if known is not None and known.phase is Phase.FINISHED:
                await follower.may_leave.wait()
                await follower.client.acknowledge(known.sequence)
                LOGGER.info("%s: driver of attempt %d may leave", target.identity.base, target.attempt)
                return
            report = await follower.client.progress(known.sequence if known else -1, WAIT_SECONDS)
            self._heard(follower, report)
            await asyncio.sleep(PACE_SECONDS)

    def _heard(self, follower: Follower, report: Report | None) -> None:
        target = follower.target
        if report is not None and (report.uid, report.attempt) != (target.identity.uid, target.attempt):
            raise DriverError(f"it speaks for experiment {report.uid!r}, attempt {report.attempt}")
        was_lost = follower.contact.unreachable_since is not None
        follower.contact = follower.contact.having_heard(report, datetime.now(UTC))
        if report is not None or was_lost:
            self._notify(target.key)

    def _lost_touch(self, follower: Follower, problem: str) -> None:
        contact = follower.contact
        if contact.unreachable_since is None:
            LOGGER.debug("%s: driver does not answer: %s", follower.target.identity.base, problem)
            follower.contact = replace(contact, unreachable_since=datetime.now(UTC), problem=problem)
            self._notify(follower.target.key)
