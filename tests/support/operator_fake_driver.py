"""A driver as the operator sees it: `/progress`, `/budget` and `/workers` over HTTP, with a token."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from luthier.api.wire import Phase, Report, encode


class FakeDriver:
    """Serves what it is given; `with FakeDriver(token) as driver: driver.publish(report)`."""

    def __init__(self, token: str = "", port: int = 0, host: str = "127.0.0.1") -> None:
        self.token = token
        self.budgets: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []
        """What it was told of worker pods, in order."""
        self.was_acknowledged = threading.Event()
        self.raw: bytes | None = None
        """Sent instead of a report, as a hostile pod would."""
        self.raised_status: int | None = None
        """Answered to everything, while set."""
        self.questions = 0
        self._report: Report | None = None
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer((host, port), type("Bound", (_Handler,), {"driver": self}))
        self._server.daemon_threads = True

    @property
    def host(self) -> str:
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> FakeDriver:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, report: Report) -> None:
        """Make a report the newest; its sequence must grow."""
        with self._changed:
            self._report = report
            self._changed.notify_all()

    def newer_than(self, sequence: int, wait: float) -> Report | None:
        with self._changed:
            self.questions += 1
            report = self._report
            if report is not None and report.phase is Phase.FINISHED and sequence >= report.sequence:
                self.was_acknowledged.set()
                return None
            self._changed.wait_for(lambda: self._report is not None and self._report.sequence > sequence, wait)
            report = self._report
            return report if report is not None and report.sequence > sequence else None


class _Handler(BaseHTTPRequestHandler):
    driver: FakeDriver
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the operator was killed meanwhile
            self.close_connection = True

    def do_GET(self) -> None:
        if not self._is_welcome():
            return
        if self.driver.raw is not None:
            self._answer(200, self.driver.raw)
            return
        query = parse_qs(urlsplit(self.path).query)
        report = self.driver.newer_than(int(query["after"][0]), float(query["wait"][0]))
        self._answer(304 if report is None else 200, encode(report) if report else b"")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_welcome():
            if self.path == "/workers":
                self.driver.facts += json.loads(body)["workers"]
            else:
                self.driver.budgets.append(json.loads(body))
            self._answer(204, b"")

    def _is_welcome(self) -> bool:
        if self.driver.raised_status is not None:
            self._answer(self.driver.raised_status, b"")
        elif self.headers.get("Authorization") != f"Bearer {self.driver.token}":
            self._answer(401, b"")
        else:
            return True
        return False

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        if code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
