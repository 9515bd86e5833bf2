"""The trials of a running experiment, one by one, for a view that is drawn again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from luthier.api.experiment import Objective
from luthier.cli.archives import ExperimentArchive
from luthier.cli.errors import Refusal
from luthier.cli.records import records_of
from luthier.cli.screen import Show
from luthier.cli.trial_rows import TrialRow, TrialTable

PAUSE_SECONDS = 2.0
"""Between two looks at the ledger; each reads only what is new."""
LONGEST_PAUSE_SECONDS = 60.0
"""Where looks fail, each pause is twice the one before, up to this."""

Open = Callable[[], AbstractContextManager[ExperimentArchive]]


def with_rows(show: Show, feed: TrialFeed) -> Show:
    """Return what shows a snapshot with the trials one by one."""
    return lambda snapshot: show(replace(snapshot, rows=feed.poll()))


class TrialFeed:
    """Reads what is new in a ledger now and then; what can't be read leaves the table as it was."""

    def __init__(self, open_archive: Open, objectives: Sequence[Objective], now: Callable[[], float] = time.monotonic):
        self._open = open_archive
        self._now = now
        self._table = TrialTable(objectives)
        self._offset = 0
        self._due = float("-inf")
        self._pause = PAUSE_SECONDS

    def poll(self) -> tuple[TrialRow, ...]:
        """Return the rows; they are at most two seconds old while the ledger can be read."""
        if self._now() >= self._due:
            try:
                self._read()
                self._pause = PAUSE_SECONDS
            except Refusal:
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._due = self._now() + self._pause
        return tuple(self._table.rows())

    def _read(self) -> None:
        with self._open() as archive:
            for line in archive.lines(self._offset):
                for record in records_of([line]):
                    self._table.apply(record)
                self._offset += len(line)
