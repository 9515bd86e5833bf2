"""Whether work is being done: not whether a process exists, but whether experiments get their rounds."""

from __future__ import annotations

import asyncio
from datetime import datetime

from luthier.operator.cache import Key
from luthier.operator.notes import Notebook
from luthier.operator.queue import WorkQueue

QUEUE_SECONDS = 60
"""While experiments wait, no longer than this may pass between two rounds; a long queue that moves is no fault."""
ROUND_SECONDS = 300
"""No round may take longer than this: each of its requests has a timeout of its own."""
WATCH_SECONDS = 120
"""The watch must show what was written before it within this time."""
TICK_SECONDS = 1
LOOP_SECONDS = 10


class Health:
    """Judges the operator from inside."""

    def __init__(self, queue: WorkQueue[Key], notebook: Notebook) -> None:
        self._queue = queue
        self._notebook = notebook
        self._watched: dict[str, int] = {}
        self._ticked_at: float | None = None
        self.ready = asyncio.Event()
        """Set once the watch has listed everything."""

    async def tick(self) -> None:
        """Prove, until cancelled, that the event loop turns."""
        while True:
            self._ticked_at = asyncio.get_running_loop().time()
            await asyncio.sleep(TICK_SECONDS)

    def saw(self, uid: str, version: int) -> None:
        """Take note of what the watch has shown."""
        self._watched[uid] = version

    def forget(self, uid: str) -> None:
        """Forget an experiment."""
        self._watched.pop(uid, None)

    def problem(self, now: datetime) -> str | None:
        """Return why the operator should be restarted, or None while it does its work."""
        if self._queue.stuck_seconds() > QUEUE_SECONDS:
            return f"experiments wait and no round began or ended for {self._queue.stuck_seconds():.0f} s"
        if self._queue.longest_round_seconds() > ROUND_SECONDS:
            return f"a round has taken {self._queue.longest_round_seconds():.0f} s"
        loop_time = asyncio.get_running_loop().time()
        if self._ticked_at is not None and loop_time - self._ticked_at > LOOP_SECONDS:
            return f"the event loop stood still for {loop_time - self._ticked_at:.0f} s"
        return self._watch_problem(now)

    def _watch_problem(self, now: datetime) -> str | None:
        for uid, notes in self._notebook.pages().items():
            if notes.written_at is None or self._watched.get(uid, 0) >= notes.written_version:
                continue
            behind = (now - notes.written_at).total_seconds()
            if behind > WATCH_SECONDS:
                return f"the watch has not shown a status that was written {behind:.0f} s ago"
        return None
