"""A way to the API server that can end at any write: before it is applied, or after it and before the answer."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from support.operator_world import Rest

WRITES = ("POST", "PUT", "PATCH", "DELETE")
HOP_BY_HOP = ("transfer-encoding", "connection", "content-length")


class CuttingProxy:
    """Passes requests on; at write number `cut_at` it calls `on_cut`, and no answer ever comes."""

    def __init__(self, rest: Rest, client_certificate: tuple[str, str]) -> None:
        url = urlsplit(rest.server)
        self.upstream = (str(url.hostname), int(url.port or 443))
        self.tls = ssl.create_default_context(cadata=rest.authority.decode())
        self.tls.load_cert_chain(*client_certificate)
        self.writes: list[str] = []
        self.cut_at: int | None = None
        self.cut_after_apply = False
        self.on_cut: Callable[[], None] = lambda: None
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True

    def __enter__(self) -> CuttingProxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

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

    def is_cut(self, line: str) -> bool:
        """Count a write and tell whether it is the one."""
        with self.lock:
            self.writes.append(line)
            return len(self.writes) == self.cut_at


class _Handler(BaseHTTPRequestHandler):
    proxy: CuttingProxy
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_cut = self.command in WRITES and self.proxy.is_cut(f"{self.command} {self.path}")
        if is_cut and not self.proxy.cut_after_apply:
            self._cut()
            return
        upstream = http.client.HTTPSConnection(*self.proxy.upstream, context=self.proxy.tls, timeout=120)
        dropped = ("host", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        if is_cut:
            answer.read()
            self._cut()
            return
        self._relay(answer)
        upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # names that the base class asks for

    def _relay(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while chunk := answer.read1(65536):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _cut(self) -> None:
        self.close_connection = True
        self.proxy.on_cut()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
