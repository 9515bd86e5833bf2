"""A way to the API server that fails as it is told: one fault for a request, chosen by a script.

A fault is a value; `Proxy.script` is asked about every request and names the fault, or None to pass it on.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from support.operator_world import Rest

Json = dict[str, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")
HOP_BY_HOP = ("transfer-encoding", "connection", "content-length")


@dataclass
class Request:
    """A request on its way."""

    verb: str
    path: str
    """With its query."""
    write: int
    """Which write it is, counted from 1; 0 for a read."""
    creates: str = ""
    """Name of what it creates."""
    time: float = field(default_factory=time.monotonic)
    fault: Fault | None = None
    """What became of it."""

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.path

    @property
    def is_lease(self) -> bool:
        return "/leases" in self.path

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


@dataclass(frozen=True)
class Death:
    """Whoever asks is killed, and no answer comes."""

    after_apply: bool


@dataclass(frozen=True)
class Answer:
    """The API server is not asked."""

    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.code}
        return json.dumps({**status, "reason": self.reason, "message": f"a script says {self.reason}"}).encode()


@dataclass(frozen=True)
class Reset:
    """The connection is reset, before or after the API server has done what it was asked."""

    after_apply: bool


@dataclass(frozen=True)
class Torn:
    """The request is done; of the answer only the first half comes."""


@dataclass
class Held:
    """The first request that it wants waits outside until it is let go."""

    wants: Callable[[Request], bool]
    go: threading.Event = field(default_factory=threading.Event)
    is_taken: bool = False
    answers: list[int] = field(default_factory=list)
    """What the API server said to it when it came."""

    def takes(self, request: Request) -> bool:
        if self.is_taken or not self.wants(request):
            return False
        self.is_taken = True
        return True


@dataclass(frozen=True)
class Waits:
    """The request waits for a while."""

    seconds: float


@dataclass(frozen=True)
class Copy:
    """A body from another time."""

    body: bytes


@dataclass(frozen=True)
class Sieve:
    """A watch from which some events are lost."""

    keeps: Callable[[Json], bool]


Fault = Death | Answer | Reset | Torn | Held | Waits | Copy | Sieve
Script = Callable[[Request], Fault | None]


class Proxy:
    """Passes requests on, but for what its script says."""

    def __init__(self, kubeconfig: Path, script: Script = lambda _request: None) -> None:
        url, authority, pair = _credentials(kubeconfig)
        self.upstream = (str(url.hostname), int(url.port or 443))
        self.tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as certificate, tempfile.NamedTemporaryFile() as key:
            Path(certificate.name).write_bytes(pair[0])
            Path(key.name).write_bytes(pair[1])
            self.tls.load_cert_chain(certificate.name, key.name)
        self.script = script
        self.on_death: Callable[[], None] = lambda: None
        self.requests: list[Request] = []
        self.is_away = False
        """As long as this is set, every connection is refused or reset."""
        self._writes = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def writes(self) -> list[str]:
        """Return the writes that came, without those of the Lease."""
        return [str(request) for request in list(self.requests) if request.write]

    def go_away(self) -> None:
        """Reset all connections, and each new one."""
        self.is_away = True
        for connection in list(self._open):
            _reset(connection)

    def write_kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here."""
        server = f"http://127.0.0.1:{self._server.server_address[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": server}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "current-context": "proxy",
        }
        with path.open("w") as file:
            YAML(typ="safe", pure=True).dump(config, file)
        return path

    def take(self, verb: str, path: str, body: bytes) -> Request:
        """Count a request and ask the script."""
        creates = json.loads(body)["metadata"]["name"] if verb == "POST" else ""
        with self._lock:
            counts = verb in WRITES and "/leases" not in path
            self._writes += counts
            request = Request(verb, path, self._writes if counts else 0, creates)
            self.requests.append(request)
            request.fault = self.script(request)
            return request

    def opened(self, connection: socket.socket) -> None:
        self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        self._open.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.proxy.opened(self.connection)

    def finish(self) -> None:
        self.proxy.closed(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError, http.client.HTTPException):
            self.close_connection = True

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.proxy.is_away:
            self._reset()
            return
        fault = self.proxy.take(self.command, self.path, body).fault
        match fault:
            case Death(after_apply=False):
                self._die()
            case Reset(after_apply=False):
                self._reset()
            case Answer():
                self._answer(fault.code, fault.headers, fault.body)
            case Copy(content):
                self._answer(200, (), content)
            case _:
                if isinstance(fault, Held):
                    fault.go.wait()
                if isinstance(fault, Waits):
                    time.sleep(fault.seconds)
                self._ask(body, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # names that the base class asks for

    def _ask(self, body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPSConnection(*self.proxy.upstream, context=self.proxy.tls, timeout=120)
        dropped = ("host", "accept-encoding", "connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        try:
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            match fault:
                case Held():
                    fault.answers.append(answer.status)
                    self._relay(answer, None)
                case Death():
                    answer.read()
                    self._die()
                case Reset():
                    answer.read()
                    self._reset()
                case Torn():
                    self._tear(answer)
                case Sieve(keeps):
                    self._relay(answer, keeps)
                case _:
                    self._relay(answer, None)
        finally:
            upstream.close()

    def _answer(self, code: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        self.send_response(code)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _relay(self, answer: http.client.HTTPResponse, keeps: Callable[[Json], bool] | None) -> None:
        self._begin(answer)
        if keeps is None:
            while chunk := answer.read1(65536):
                self._chunk(chunk)
        else:
            while line := answer.readline():
                if keeps(json.loads(line)):
                    self._chunk(line)
        self.wfile.write(b"0\r\n\r\n")

    def _tear(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        self._begin(answer)
        self._chunk(body[: len(body) // 2])
        self.close_connection = True

    def _begin(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    def _die(self) -> None:
        self.close_connection = True
        self.proxy.on_death()

    def _reset(self) -> None:
        self.close_connection = True
        _reset(self.connection)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _reset(connection: socket.socket) -> None:
    """Close a connection so that the other side sees a reset, also where another thread reads from it."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    except OSError:
        return


def _credentials(kubeconfig: Path) -> tuple[Any, str, tuple[bytes, bytes]]:
    config = YAML(typ="safe", pure=True).load(kubeconfig.read_text())
    user = config["users"][0]["user"]

    def material(name: str) -> bytes:
        return base64.b64decode(user[f"{name}-data"]) if f"{name}-data" in user else Path(user[name]).read_bytes()

    rest = Rest(kubeconfig)
    return urlsplit(rest.server), rest.authority.decode(), (material("client-certificate"), material("client-key"))
