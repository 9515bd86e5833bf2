"""Exports on the way: for who looks at a dashboard while the search runs.

One child process at a time, of low priority, which reads the ledger as anybody may; the search only looks whether one
is due. Where nothing has happened since the last one, nothing is written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from luthier.api.manifest import Experiment
from luthier.trial.closing import MODULE
from luthier.trial.errand import Errand
from luthier.trial.ledger import LEDGER_FILE

LOGGER = logging.getLogger("luthier.exports")
SECONDS = 600.0
"""For all exports that are due at a time; nobody waits for them."""
CLOSE_SECONDS = 20.0


class PeriodicExports:
    """What is exported while an experiment runs."""

    def __init__(
        self,
        experiment: Experiment,
        experiment_file: Path,
        directory: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write the first ones after their first interval.

        Args:
            experiment: its exports say how often.
            experiment_file: where a child process finds it.
            directory: with its ledger.
            clock: seconds from any moment.
        """
        self._command = (MODULE, "export", str(experiment_file), str(directory))
        self._ledger = directory / LEDGER_FILE
        self._clock = clock
        self._pauses = {export.name: export.every_seconds for export in experiment.spec.exports if export.every_seconds}
        self._due = {name: clock() + pause for name, pause in self._pauses.items()}
        self._sizes: dict[str, int] = {}
        self._errand: Errand | None = None

    def look(self) -> None:
        """Begin what is due, unless something is being written; costs next to nothing, and never raises."""
        if self._errand is not None:
            if not self._errand.is_over():
                return
            for word in self._errand.lacking():
                LOGGER.warning("%s", word)
            self._errand = None
        now = self._clock()
        due = [name for name, time_due in self._due.items() if time_due <= now]
        if not due:
            return
        self._due |= {name: now + self._pauses[name] for name in due}
        size = self._size()
        fresh = [name for name in due if self._sizes.get(name) != size]
        if fresh:
            self._sizes |= dict.fromkeys(fresh, size)
            self._errand = Errand(*self._command, *fresh, seconds=SECONDS)

    @property
    def is_writing(self) -> bool:
        """Whether a child process is at work."""
        return self._errand is not None and not self._errand.is_over()

    def close(self, patience_seconds: float = CLOSE_SECONDS) -> None:
        """Begin no more, and wait a moment for what is being written before it is broken off."""
        self._due = {}
        if self._errand is not None:
            self._errand.wait(patience_seconds)
            self._errand = None

    def _size(self) -> int:
        try:
            return self._ledger.stat().st_size
        except OSError:
            return 0
