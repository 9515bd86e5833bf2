"""`/report` of the driver: the page as it stands now, made by a child process when somebody with the token asks.

Whoever asks while one is made, or soon after, gets the same. The command line makes its own from the ledger instead;
this one is for other programs, and for who has no Luthier at hand.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from pathlib import Path

from luthier.trial.closing import MODULE
from luthier.trial.errand import Errand

LOGGER = logging.getLogger(__name__)
REPORT_PAGE = "/report"
MAKE_SECONDS = 60.0
KEEP_SECONDS = 10.0


class ReportPage:
    """Makes the page of a directory's ledger, one at a time."""

    def __init__(self, experiment_file: Path, directory: Path, seconds: float = MAKE_SECONDS) -> None:
        """Make pages of what the directory holds; none may take longer than `seconds`."""
        self._command = (MODULE, "page", str(experiment_file), str(directory))
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: tuple[float, bytes | None] | None = None

    def read(self) -> bytes | None:
        """Return the page, or None where it can't be made; the log says why."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] >= KEEP_SECONDS:
                page = self._make()
                self._kept = (time.monotonic(), page)
            return self._kept[1]

    def _make(self) -> bytes | None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                output = Path(folder, "report.html")
                errand = Errand(*self._command, str(output), seconds=self._seconds)
                errand.wait()
                if output.exists():
                    return output.read_bytes()
                why = "; ".join(errand.lacking())
        except OSError as error:
            why = str(error)
        LOGGER.warning("the report can't be served: %s", why)
        return None
