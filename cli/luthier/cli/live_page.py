"""The live report: a page on this machine's loopback address that is made from an experiment's ledger as it grows.

The driver only sends lines that are new; pages are made here, so looking costs the search nothing. The address holds
a secret of its own, for other users of this machine can reach loopback, too.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from luthier.api.manifest import Experiment
from luthier.cli.errors import Refusal
from luthier.cli.records import records_of
from luthier.trial.records import Record
from luthier.trial.report.page import content, page
from luthier.trial.report.view import View, view_of
from luthier.trial.story import story_of

KEEP_SECONDS = 2.0
"""Readers within this time get the same page."""
LOOPBACK = "127.0.0.1"
Lines = Callable[[int], list[bytes]]
"""Returns the ledger's lines after a number of bytes."""


class LiveStory:
    """An experiment as it stands now, for whoever asks; asked by many it looks once."""

    def __init__(
        self,
        experiment: Experiment,
        lines: Lines,
        clock: Callable[[], float] = time.time,
        notice: Callable[[], str] = str,
    ) -> None:
        """Tell of an experiment.

        Args:
            experiment: its manifest.
            lines: where its ledger is read.
            clock: in seconds since the epoch.
            notice: why what was read last may not be all; empty where it is.
        """
        self._experiment = experiment
        self._lines = lines
        self._clock = clock
        self._notice = notice
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._bytes = 0
        self._seen: tuple[float, View] | None = None

    def view(self) -> View:
        """Return the page's words and figures; where nothing can be read now, the last ones, which then say so.

        Raises:
            Refusal: nothing could ever be read.
        """
        with self._lock:
            now = self._clock()
            if self._seen is None or now - self._seen[0] >= KEEP_SECONDS:
                self._seen = (now, self._look(now, self._seen[1] if self._seen else None))
            return self._seen[1]

    def _look(self, now: float, before: View | None) -> View:
        try:
            fresh = self._lines(self._bytes)
            records = list(records_of(fresh))  # all of them or none: what is refused is asked for again
        except Refusal as refusal:
            if before is None:
                raise
            return replace(before, notice=f"{refusal.message} This is what was seen last.")
        if before is not None and not fresh and not before.is_live:
            return replace(before, notice="")
        self._records += records
        self._bytes += sum(map(len, fresh))
        notice = self._notice()  # time stands still where nobody writes
        view = view_of(story_of(self._experiment, self._records, None if notice else now))
        return replace(view, notice=notice) if view.is_live else view


class LivePage:
    """Serves the page until closed."""

    def __init__(self, story: LiveStory, port: int = 0) -> None:
        """Listen on a port of the loopback address; 0 picks one."""
        self.story = story
        self.path = f"/{secrets.token_urlsafe(16)}"
        self._server = ThreadingHTTPServer((LOOPBACK, port), type("Bound", (Handler,), {"live": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}{self.path}/"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, str]:
        """Return status, body and type for a path."""
        try:
            if path in (self.path, f"{self.path}/"):
                return 200, page(self.story.view(), is_served=True), "text/html; charset=utf-8"
            if path == f"{self.path}/content":
                return 200, content(self.story.view()), "application/json"
        except Refusal as refusal:
            return 503, f"{refusal.message}\n", "text/plain; charset=utf-8"
        return 404, "there is nothing here\n", "text/plain; charset=utf-8"


class Handler(BaseHTTPRequestHandler):
    """Answers a browser."""

    live: LivePage
    timeout = 60

    def do_GET(self) -> None:
        """Answer with the page or what is new of it."""
        code, body, kind = self.live.answer(self.path.partition("?")[0])
        data = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep requests off the terminal."""
