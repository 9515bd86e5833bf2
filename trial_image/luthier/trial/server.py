"""The driver's window: `/progress` and the archive for whoever has the token, `/metrics`, `/healthz`.

A reader says which report it has and waits for a newer one, so nothing is sent while nothing
changes. Reading the finished report back is what lets the driver leave.
"""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_LATEST

from luthier.api.wire import Phase, Report, encode
from luthier.trial import archive_pages
from luthier.trial.archive import Archive
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.inbox import Inbox, OnBudget, bears
from luthier.trial.nodes import Nodes
from luthier.trial.report_page import REPORT_PAGE, ReportPage

LOGGER = logging.getLogger(__name__)
MAX_WAIT_SECONDS = 30.0
GUARDED = (REPORT_PAGE, *archive_pages.PAGES)


class ProgressServer:
    """Serves the newest report until closed."""

    def __init__(
        self, port: int, token: str, host: str = "", *, node_token: str | None = None, nodes: Nodes | None = None
    ) -> None:
        """Listen.

        Args:
            port: 0 picks one.
            token: what `/progress`, `/budget` and `/workers` ask for.
            host: where to listen; everywhere by default.
            node_token: what worker pods have, to speak for themselves on `/nodes/`.
            nodes: who is told what is heard of worker pods.
        """
        self._token = token
        self.inbox = Inbox(token, node_token, nodes or Nodes())
        self.archive: Archive | None = None
        """What is read under `/ledger` and `/checkpoint`, once the storage is known."""
        self.report: ReportPage | None = None
        """What is read under `/report`, once the experiment is known."""
        self._report: Report | None = None
        self._changed = threading.Condition()
        self._is_seen = threading.Event()
        self.page = DriverPage(lambda: self._report)
        """What is read under `/metrics`."""
        self._server = ThreadingHTTPServer((host, port), type("Bound", (Handler,), {"window": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def publish(self, report: Report) -> None:
        """Make a report the newest."""
        with self._changed:
            self._report = report
            self._changed.notify_all()

    def take_budgets(self, on_budget: OnBudget) -> None:
        """Pass edited budgets on to this."""
        self.inbox.on_budget = on_budget

    def wait_until_seen(self, seconds: float) -> bool:
        """Wait until a reader has the finished report; return whether one has."""
        return self._is_seen.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    # what the handler asks for

    def is_allowed(self, header: str | None) -> bool:
        """Whether an Authorization header carries the token."""
        return bears(header, self._token)

    def newer_than(self, sequence: float, wait: float) -> Report | None:
        """Return a report newer than `sequence`, waiting for one at most `wait` seconds."""
        with self._changed:
            report = self._report
            if report and report.phase is Phase.FINISHED and sequence >= report.sequence:
                self._is_seen.set()
                return None
            self._changed.wait_for(lambda: self._report is not None and self._report.sequence > sequence, wait)
            report = self._report
            return report if report and report.sequence > sequence else None


class Handler(BaseHTTPRequestHandler):
    """Answers one connection for a window."""

    window: ProgressServer
    protocol_version = "HTTP/1.1"
    timeout = MAX_WAIT_SECONDS * 2
    """Seconds for which a peer may say nothing."""

    def do_GET(self) -> None:
        """Answer a reader."""
        path, _, query = self.path.partition("?")
        if path == "/healthz":
            self._answer(200, b"ok\n", "text/plain")
        elif path == "/metrics":
            self._metrics()
        elif path == "/progress":
            self._progress(_query(query))
        elif path in GUARDED and not self.window.is_allowed(self.headers.get("Authorization")):
            self._refuse()
        elif path == REPORT_PAGE:
            self._report()
        elif path in archive_pages.PAGES:
            archive_pages.answer(self, self.window.archive, path, _query(query))
        else:
            self._answer(404, b"no such page; there are /progress, /metrics and /healthz\n", "text/plain")

    def do_PUT(self) -> None:
        """Take a message in."""
        self.close_connection = True  # of a refused body nothing may be taken for the next request
        length = _length(self.headers.get("Content-Length"))
        entry = self.window.inbox.entry(self.path)
        if not entry.is_open_to(self.headers.get("Authorization")):
            self._refuse()
        elif length is None:
            self._answer(411, b"Content-Length must be a whole number\n", "text/plain")
        elif length > entry.max_bytes:
            self._answer(413, b"", "text/plain")
        else:
            self._answer(*astuple(entry.take(self.rfile.read(length))))

    def _metrics(self) -> None:
        page = self.window.page.render()
        if page is None:
            self._answer(404, b"`spec.driver.metrics` is None\n", "text/plain")
        else:
            self._answer(200, page, CONTENT_TYPE_LATEST)

    def _report(self) -> None:
        maker = self.window.report
        if maker is None:
            self._answer(404, b"this pod makes no report\n", "text/plain")
        elif (page := maker.read()) is None:
            self._answer(503, b"there is no report now; the driver's log says why\n", "text/plain")
        else:
            self._answer(200, page, "text/html; charset=utf-8")

    def _progress(self, query: dict[str, list[str]]) -> None:
        if not self.window.is_allowed(self.headers.get("Authorization")):
            self._refuse()
            return
        wait = min(max(_number(query, "wait", 0), 0), MAX_WAIT_SECONDS)
        report = self.window.newer_than(_number(query, "after", -1), wait)
        if report is None:
            self._answer(304, b"", "application/json")
        else:
            self._answer(200, encode(report), "application/json")

    def _refuse(self) -> None:
        self.close_connection = True
        self._answer(401, b"the experiment's token is needed\n", "text/plain")

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        if self.close_connection:
            self.send_header("Connection", "close")
        if code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if code not in (204, 304):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep requests out of the log."""
        LOGGER.debug(format, *args)


def _number(query: dict[str, list[str]], name: str, default: float) -> float:
    try:
        number = float(query[name][0])
    except (KeyError, ValueError):
        return default
    return default if math.isnan(number) else number


def _query(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, max_num_fields=16)
    except ValueError:
        return {}


def _length(header: str | None) -> int | None:
    return int(header) if header and header.isascii() and header.isdigit() and len(header) < 12 else None
