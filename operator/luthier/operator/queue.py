"""Keys that wait for a round: each once, each served by one worker at a time, some only after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

from luthier.operator import backoff

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """A queue in which a key that is added twice before its turn is served once."""

    def __init__(self) -> None:
        self._waiting: dict[K, float] = {}
        self._served: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._wake = asyncio.Event()

    def add(self, key: K) -> None:
        """Ask for a round; while one is under way, for another after it."""
        if key in self._served:
            self._again.add(key)
        else:
            self._waiting.setdefault(key, asyncio.get_running_loop().time())
            self._wake.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for a round later, in place of any other that was asked for later."""
        self.cancel_later(key)
        self._timers[key] = asyncio.get_running_loop().call_later(max(0.0, seconds), self._ring, key)

    def cancel_later(self, key: K) -> None:
        """Take back what `add_after` asked for."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def take(self) -> K:
        """Wait for the next key; it is this worker's until `done`."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        key = next(iter(self._waiting))
        del self._waiting[key]
        self._served.add(key)
        return key

    def done(self, key: K) -> None:
        """End a round that went well."""
        self._failures.pop(key, None)
        self._end(key)

    def failed(self, key: K) -> float:
        """End a round that went wrong; return the seconds after which it is tried again."""
        self._failures[key] = self._failures.get(key, 0) + 1
        seconds = backoff.error_seconds(self._failures[key])
        self._again.discard(key)
        self._end(key)
        self.add_after(key, seconds)
        return seconds

    def oldest_seconds(self) -> float:
        """Return how long the first key has waited for a worker."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._waiting.values()), default=0.0)

    def _ring(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _end(self, key: K) -> None:
        self._served.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
