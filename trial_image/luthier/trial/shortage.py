"""Runs that found no room for a checkpoint rest until there is some: started at once they would fail in turn."""

from __future__ import annotations

from pathlib import Path

from luthier.api.wire import Problem
from luthier.trial.errors import StorageFull
from luthier.trial.storage import free_bytes

REST_SECONDS = 3.0
"""At least; where a quota and not the volume is full, nothing else tells when to try again."""
LOOK_SECONDS = 0.5


class Shortage:
    """What is known of the room for checkpoints."""

    def __init__(self, directory: Path) -> None:
        """Know of no shortage on a directory's volume."""
        self.problem: Problem | None = None
        self._directory = directory
        self._needed = 0
        self._next_look = 0.0

    def begin(self, error: StorageFull, now: float) -> None:
        """Take note of a checkpoint that found no room."""
        self._needed = max(self._needed, error.needed)
        self._next_look = now + REST_SECONDS
        self.problem = Problem(reason="StorageFull", message=f"{error}; its trial goes on when there is room"[:1024])

    def lets_start(self, now: float) -> bool:
        """Whether a run that begins now may hope for room."""
        if self.problem is None:
            return True
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        return free_bytes(self._directory) >= self._needed

    def end(self) -> None:
        """Take note of a checkpoint that found room."""
        self.problem, self._needed = None, 0
