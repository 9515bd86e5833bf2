"""A few calls to the Kubernetes API, faster than starting kubectl for each."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from embedded.errors import StepError
from embedded.places import Layout

FIELD_MANAGER = "embedded-cluster"
REQUEST_SECONDS = 30.0
POLL_SECONDS = 0.05

Object = dict[str, Any]


class ApiError(Exception):
    """An answer of the server that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status = status


class Api:
    """The cluster's API as its administrator, one connection per call."""

    def __init__(self, layout: Layout) -> None:
        config = json.loads(layout.admin_kubeconfig.read_text())
        self.server: str = config["clusters"][0]["cluster"]["server"]
        self._address = urlsplit(self.server)
        self._context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        self._context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")

    def get(self, path: str) -> Object:
        """Return one object or a list of them."""
        return self._call("GET", path)

    def apply(self, path: str, manifest: Object) -> Object:
        """Create or update by server-side apply."""
        return self._call(
            "PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", manifest, "application/apply-patch+yaml"
        )

    def create(self, path: str, manifest: Object) -> None:
        """Create; what exists already is left as it is."""
        try:
            self._call("POST", path, manifest)
        except ApiError as error:
            if error.status != 409:
                raise

    def merge(self, path: str, change: Object) -> Object:
        """Change some fields; None removes one."""
        return self._call("PATCH", path, change, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete; what is gone already is no error."""
        try:
            self._call("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    def ready(self) -> bool:
        """Return whether the server takes requests."""
        try:
            self._call("GET", "/readyz")
        except (OSError, ApiError, http.client.HTTPException):
            return False
        return True

    def exists(self, path: str) -> bool:
        """Return whether the object can be read."""
        try:
            self.get(path)
        except (OSError, ApiError, http.client.HTTPException):
            return False
        return True

    def _call(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        connection = http.client.HTTPSConnection(
            self._address.hostname or "", self._address.port, timeout=REQUEST_SECONDS, context=self._context
        )
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, text[:500])
        return json.loads(text) if text.startswith("{") else {}


def wait_until(condition: Callable[[], bool], seconds: float, failure: StepError) -> None:
    """Poll a condition; raise the failure if it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise failure
        time.sleep(POLL_SECONDS)
