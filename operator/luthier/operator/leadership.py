"""Leadership: one of several operators acts, and it stops before another one may begin.

A leader is certain for a part of the Lease's duration, counted from before its last renewal was sent, by
a clock that goes on while the process is stopped. Whatever it writes passes `require`, so an operator that
sleeps past its lease and wakes up writes nothing, whatever it was about to do. An unreachable API server only
interrupts it: while nobody else took the Lease, the same process goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from luthier.operator.cluster import Cluster
from luthier.operator.errors import AlreadyExistsError, ClusterError, ConflictError, NotLeadingError
from luthier.operator.lease import Lease, Sight

LOGGER = logging.getLogger(__name__)
RENEWALS = 5
"""Renewals within the Lease's duration."""
CERTAIN = 0.7
"""Part of the duration for which a leader is certain; the rest is for requests on their way."""
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

OnChange = Callable[[bool], None]
"""Told when leadership comes and when it is in doubt."""


class LeadershipLostError(Exception):
    """Another operator leads: this process has to end, for what it knows may be old."""


def clock_seconds() -> float:
    """Return the seconds since the machine started, those in which it or this process slept included."""
    return time.clock_gettime(CLOCK)


class Leadership:
    """One operator's part in it."""

    def __init__(
        self,
        cluster: Cluster,
        lease: Lease,
        holder: str,
        on_change: OnChange,
        clock: Callable[[], float] = clock_seconds,
    ) -> None:
        """Take part for this holder; `lease` tells name, namespace and duration."""
        self._cluster = cluster
        self._wanted = lease
        self._holder = holder
        self._on_change = on_change
        self._clock = clock
        self._sight = Sight(lease, clock())
        self._renewed_at: float | None = None
        self._has_led = False
        self._was_leading = False

    def leads(self) -> bool:
        """Tell whether no other operator can be leading now."""
        certain_seconds = CERTAIN * self._wanted.seconds
        return self._renewed_at is not None and self._clock() - self._renewed_at < certain_seconds

    def require(self) -> None:
        """Let nobody through but the leader.

        Raises:
            NotLeadingError: another operator may be leading.
        """
        if not self.leads():
            raise NotLeadingError("another operator may be leading")

    async def keep(self) -> None:
        """Strive for leadership and keep it, until cancelled.

        Raises:
            LeadershipLostError: it was ours, and another operator took it.
        """
        while True:
            pause = self._wanted.seconds / RENEWALS
            try:
                await (self._write(self._sight.lease) if self.leads() else self._look())
            except (ConflictError, AlreadyExistsError):
                # Somebody wrote it, perhaps we ourselves in a request whose answer never came: look before writing.
                self._renewed_at, pause = None, pause / RENEWALS
            except ClusterError as error:
                LOGGER.warning("lease %s: %s", self._wanted.name, error)
            self._tell()
            await asyncio.sleep(self._pause(pause))

    async def release(self) -> None:
        """Give it back, so that another operator need not wait until it expires."""
        if not self.leads():
            return
        self._renewed_at = None
        try:
            await self._cluster.replace(self._sight.lease.held_by("", 1, datetime.now(UTC)))
        except ClusterError as error:
            LOGGER.warning("lease %s could not be given back: %s", self._wanted.name, error)

    async def _look(self) -> None:
        """See how it stands, and take it if it is free."""
        body = await self._cluster.get("Lease", self._wanted.namespace, self._wanted.name)
        now, found = self._clock(), None if body is None else Lease.of(body)
        if self._has_led and (found is None or found.holder != self._holder):
            raise LeadershipLostError(f"lease {self._wanted.name} was taken by {(found and found.holder) or 'nobody'}")
        self._sight = self._sight.then(found, now)
        if self._sight.may_be_taken(self._holder, now):
            await self._write(found)

    async def _write(self, known: Lease | None) -> None:
        begin = self._clock()
        manifest = (known or self._wanted).held_by(self._holder, self._wanted.seconds, datetime.now(UTC))
        stored = await (self._cluster.replace(manifest) if known else self._cluster.create(manifest))
        self._sight = Sight(Lease.of(stored), self._clock())
        self._renewed_at, self._has_led = begin, True

    def _tell(self) -> None:
        leads = self.leads()
        if leads != self._was_leading:
            LOGGER.info("%s %s", self._holder, "leads" if leads else "does not lead")
            self._was_leading = leads
            self._on_change(leads)

    def _pause(self, seconds: float) -> float:
        """A candidate looks twice as often, and as soon as the Lease may be free."""
        if self.leads():
            return seconds
        left = self._sight.expires_at - self._clock()
        return min(seconds / 2, left) if left > 0 else seconds / 2


class Alone:
    """The part of an operator that runs by hand and is told of no Lease: it always leads."""

    def __init__(self, on_change: OnChange) -> None:
        self._on_change = on_change

    def leads(self) -> bool:
        """Tell that no other operator is reckoned with."""
        return True

    def require(self) -> None:
        """Let everything through."""

    async def keep(self) -> None:
        """Lead until cancelled."""
        self._on_change(True)
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Give back nothing."""
