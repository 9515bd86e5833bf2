"""Keys that wait for a round: each once, each served by one worker at a time, some only after a while.

Keys stand in lanes, and lanes take turns: a thousand keys in one delay the next key of another by one.
A queue begins shut: keys gather, and nobody is served until the operator leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from luthier.operator import backoff

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """A queue in which a key that is added twice before its turn is served once."""

    def __init__(
        self, lane_of: Callable[[K], Hashable] = lambda _: None, count_lag: Callable[[float], None] = lambda _: None
    ) -> None:
        """Hold keys, each in the lane that `lane_of` names; without it all stand in one.

        `count_lag` is told how many seconds each key has waited for a worker.
        """
        self._lane_of = lane_of
        self._count_lag = count_lag
        self._waiting: dict[Hashable, dict[K, float]] = {}
        self._served: dict[K, float] = {}
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._resting: set[K] = set()
        """Keys for which the server asked to wait: news of them waits as well."""
        self._wake = asyncio.Event()
        self._open = asyncio.Event()
        self._opened_at = 0.0
        self._moved_at = 0.0
        """When a worker last took a key or ended a round."""

    def set_open(self, is_open: bool) -> None:
        """Let workers take keys, or let keys wait."""
        if not is_open:
            self._open.clear()
        elif not self._open.is_set():
            self._opened_at = asyncio.get_running_loop().time()
            self._open.set()

    def add(self, key: K) -> None:
        """Ask for a round; while one is under way, for another after it."""
        if key in self._served:
            self._again.add(key)
        elif key not in self._resting:
            lane = self._waiting.setdefault(self._lane_of(key), {})
            lane.setdefault(key, asyncio.get_running_loop().time())
            self._wake.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for a round later, in place of any other that was asked for later."""
        self.cancel_later(key)
        self._timers[key] = asyncio.get_running_loop().call_later(max(0.0, seconds), self._ring, key)

    def cancel_later(self, key: K) -> None:
        """Take back what `add_after` asked for."""
        self._resting.discard(key)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def take(self) -> K:
        """Wait for the next key; it is this worker's until `done`."""
        while not (self._waiting and self._open.is_set()):
            await self._open.wait()
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
        name = next(iter(self._waiting))
        lane = self._waiting.pop(name)
        key = next(iter(lane))
        since = max(lane.pop(key), self._opened_at)
        self._moved_at = now = asyncio.get_running_loop().time()
        self._count_lag(max(0.0, now - since))
        if lane:
            self._waiting[name] = lane  # behind the others
        self._served[key] = now
        return key

    def done(self, key: K) -> None:
        """End a round that went well."""
        self._failures.pop(key, None)
        self._end(key)

    def failed(self, key: K, at_least_seconds: float = 0) -> float:
        """End a round that went wrong; return the seconds after which it is tried again."""
        self._failures[key] = self._failures.get(key, 0) + 1
        seconds = max(at_least_seconds, backoff.error_seconds(self._failures[key]))
        self._again.discard(key)
        self._end(key)
        self.add_after(key, seconds)
        if at_least_seconds:
            self._resting.add(key)
        return seconds

    def stuck_seconds(self) -> float:
        """Return for how long keys have waited while no worker took one or ended a round.

        However long the queue, it is not stuck while it moves. While it is shut, no worker is missing.
        """
        if not (self._waiting and self._open.is_set()):
            return 0.0
        oldest = min(since for lane in self._waiting.values() for since in lane.values())
        return asyncio.get_running_loop().time() - max(oldest, self._opened_at, self._moved_at)

    def longest_round_seconds(self) -> float:
        """Return for how long the first key that a worker has now has been with it."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._served.values()), default=0.0)

    def _ring(self, key: K) -> None:
        self._timers.pop(key, None)
        self._resting.discard(key)
        self.add(key)

    def _end(self, key: K) -> None:
        self._served.pop(key, None)
        self._moved_at = asyncio.get_running_loop().time()
        if key in self._again:
            self._again.discard(key)
            self.add(key)
