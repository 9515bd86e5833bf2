"""An API server that knows one experiment and answers as it is told, by HTTP."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any] | list[dict[str, Any]] | int | str | bytes
"""An object; a list of watch events; a status code; text to send as it is, after which the connection breaks; a log."""


class FakeCluster:
    """Answers reads from one queue and watches from another; the last answer to a read is repeated."""

    def __init__(self, *, reads: list[Answer], watches: list[Answer] | None = None) -> None:
        self._reads, self._watches = deque(reads), deque(watches or [])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeCluster:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_answer(self, *, to_watch: bool) -> Answer:
        if to_watch:
            return self._watches.popleft() if self._watches else []
        return self._reads.popleft() if len(self._reads) > 1 else self._reads[0]

    def _handler(cluster) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.split("?")[0].rsplit("/", 1)[-1]
                answer = cluster.next_answer(to_watch="watch=true" in self.path.lower())
                if isinstance(answer, bytes):
                    self.reply(200, answer.decode())
                elif isinstance(answer, int):
                    self.reply(answer, refusal(answer, name))
                elif isinstance(answer, str):
                    self.reply(200, answer, length=len(answer) + 100)
                elif isinstance(answer, list):
                    self.reply(200, "".join(json.dumps(event) + "\n" for event in answer))
                else:
                    self.reply(200, json.dumps(answer))

            def reply(self, status: int, body: str, length: int | None = None) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(length or len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def refusal(status: int, name: str) -> str:
    if status == 405:
        return "404 page not found"
    return json.dumps({"kind": "Status", "code": status, "message": f"no: {status}", "details": {"name": name}})
