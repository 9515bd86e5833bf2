"""An experiment's ledger in the cluster for as long as somebody looks, in whatever pod it can be read now.

Drivers come and go: the next attempt has another pod, and after the end or while it rests there is none. Then a reader
pod reads once what the last driver has left, for nobody writes any more; it is not kept. A driver that starts is not
got ahead of: a volume is made, or attached, where the first pod is that mounts its claim.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from luthier.cli.archives import ExperimentArchive, Gone, Leaving, Starting
from luthier.cli.errors import Exit, Refusal
from luthier.cli.snapshot import Snapshot, of_object

FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 300.0
"""Between two readers that did not come up; each pause is twice the one before."""

Json = dict[str, Any]
Open = Callable[[], AbstractContextManager[ExperimentArchive]]


class LiveLedger:
    """Reads what is new, again and again."""

    def __init__(
        self,
        look: Callable[[], Json],
        find_driver: Callable[[], ExperimentArchive],
        open_storage: Open,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Follow one experiment.

        Args:
            look: returns the experiment as the API server has it.
            find_driver: returns the running driver's archive; raises Gone where none runs, Leaving where it may still
                write, Starting where it does not answer yet.
            open_storage: the archive of an experiment without a driver, through a pod that is made for it.
            now: a clock, in seconds.
        """
        self.document = look()
        self.notice = ""
        """Why what was read last may not be all; empty while a driver gives it."""
        self._look, self._find_driver, self._open_storage, self._now = look, find_driver, open_storage, now
        self._driver: ExperimentArchive | None = None
        self._read_out: object = None
        """How the experiment stood when all that its drivers had left was read."""
        self._due, self._pause = float("-inf"), FIRST_PAUSE_SECONDS
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still looks."""
        return not self._closing.is_set()

    def lines(self, after: int = 0) -> list[bytes]:
        """Return the ledger's whole lines that follow its first `after` bytes; none where nothing new can be had now.

        Raises:
            Refusal: it can't be read, or the experiment is there no more.
        """
        with self._lock:
            if not self.is_wanted:
                raise Gone("Nobody looks any more.")
            try:
                lines = self._from_driver(after)
            except Gone as gone:
                return self._without_driver(after, gone)
            self.notice, self._read_out = "", None
            return lines

    def close(self) -> None:
        """Read no more; what was made for reading is gone afterwards."""
        self._closing.set()
        with self._lock:
            self._driver = None

    def _from_driver(self, after: int) -> list[bytes]:
        if self._driver is not None:
            try:
                return list(self._driver.lines(after))
            except Refusal:  # it has ended or was replaced; whatever it is, the next one says it
                self._driver = None
        archive = self._find_driver()
        self._check(archive.document)
        lines = list(archive.lines(after))
        self._driver = archive
        return lines

    def _without_driver(self, after: int, gone: Gone) -> list[bytes]:
        experiment = self._look()
        self._check(experiment)
        seen = of_object(experiment)
        attempt = int((experiment.get("status") or {}).get("attempt") or 0)
        stands = (attempt, seen.state)
        why = "The driver is starting" if isinstance(gone, Starting) else "No driver runs"
        self.notice = f"{why}: {seen.state}{f', {seen.message}' if seen.message else ''}"
        if stands != self._read_out and self._now() >= self._due and _is_to_be_read(seen, attempt, gone, after):
            lines = self._from_storage(after)
            self._read_out = None if isinstance(gone, Leaving) else stands
            return lines
        return []

    def _from_storage(self, after: int) -> list[bytes]:
        try:
            with self._open_storage() as archive:
                self._check(archive.document)
                lines = list(archive.lines(after))
        except Refusal:
            self._due = self._now() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            raise
        self._pause = FIRST_PAUSE_SECONDS
        return lines

    def _check(self, document: Json) -> None:
        if document["metadata"]["uid"] != self.document["metadata"]["uid"]:
            name = document["metadata"]["name"]
            raise Refusal(
                f"{name} was deleted; another experiment has its name now.",
                hint=f"Look at that one: luthier ui {name}",
                code=Exit.FAILED,
            )


def _is_to_be_read(seen: Snapshot, attempt: int, gone: Gone, after: int) -> bool:
    """Tell whether a pod is to be made that reads what is on the storage."""
    rests = seen.has_ended or seen.state == "Suspended"
    if after > 0 or rests:
        return rests and (after == 0 or not isinstance(gone, Leaving))
    # A driver that is stuck is not waited for by who has seen nothing yet: an earlier one has had the storage.
    return not isinstance(gone, Starting) or (seen.state == "Stalled" and attempt > 1)
