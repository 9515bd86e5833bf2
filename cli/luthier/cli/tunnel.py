"""HTTP to a port of a pod, through the API server's port forwarding: no network path of one's own is needed.

The far end is the pod's loopback address, so a NetworkPolicy does not matter; the right to `pods/portforward` does.
The client library connects; its own proxy keeps all that has arrived in one growing string and is lost in it with
100 MB, so the frames are read here as they are asked for.
"""

from __future__ import annotations

import io
from http.client import HTTPConnection
from typing import Any

from kubernetes import client
from kubernetes.stream import ws_client
from kubernetes.stream.stream import _websocket_request
from websocket import ABNF, WebSocketException

ANSWER_SECONDS = 60.0
DATA, FAULT = 0, 1
"""Channels of the one port that is forwarded."""


class Tunnel(HTTPConnection):
    """One connection to one port of a pod."""

    def __init__(self, api: client.ApiClient, namespace: str, pod: str, port: int) -> None:
        super().__init__("localhost", port, timeout=ANSWER_SECONDS)
        # The client library bends its ApiClient while it connects, so this one is nobody else's.
        self._core = client.CoreV1Api(client.ApiClient(api.configuration))
        self._namespace = namespace
        self._pod = pod
        self.sock: Any

    def connect(self) -> None:
        """Open the tunnel.

        Raises:
            client.ApiException: the API server refuses.
        """
        websocket = _websocket_request(
            _open,
            {"_preload_content": False},
            self._core.connect_get_namespaced_pod_portforward,
            self._pod,
            self._namespace,
            ports=str(self.port),
        )
        websocket.settimeout(ANSWER_SECONDS)
        self.sock = Wire(websocket)


class Wire:
    """What an HTTP connection needs of a socket, over the frames of one forwarded port."""

    def __init__(self, websocket: Any) -> None:
        """Speak over a websocket whose frames begin with their channel."""
        self._websocket = websocket
        self._begun: set[int] = set()
        self._readers = 0
        self._is_closing = False

    def sendall(self, data: bytes) -> None:
        """Send."""
        self._websocket.send_binary(bytes([DATA]) + data)

    def makefile(self, mode: str = "rb", buffering: int = -1) -> io.BufferedReader:
        """Return what reads."""
        self._readers += 1
        return io.BufferedReader(_Frames(self), 1 << 16)

    def close(self) -> None:
        """Close, once nobody reads any more."""
        self._is_closing = True
        if not self._readers:
            self._websocket.close(timeout=1)

    def reader_closed(self) -> None:
        """Take note that somebody reads no more."""
        self._readers -= 1
        if self._is_closing:
            self.close()

    def next_data(self) -> bytes:
        """Return the next frame's data; empty at the end.

        Raises:
            ConnectionError: the pod's node says that the port can't be reached.
        """
        while True:
            try:
                opcode, frame = self._websocket.recv_data_frame(control_frame=True)
            except WebSocketException:
                return b""
            if opcode == ABNF.OPCODE_CLOSE:
                return b""
            if opcode != ABNF.OPCODE_BINARY or not frame.data:
                continue
            channel, data = frame.data[0], frame.data[1:]
            if channel not in self._begun:  # the first frame of each channel only repeats the port
                self._begun.add(channel)
            elif channel == FAULT:
                raise ConnectionError(data.decode(errors="replace"))
            elif data:
                return bytes(data)


class _Frames(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        if not self._rest:
            self._rest = memoryview(self._wire.next_data())
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._wire.reader_closed()


def _open(configuration: Any, _method: str, url: str, **kwargs: Any) -> Any:
    try:
        return ws_client.create_websocket(
            configuration, ws_client.get_websocket_url(url, kwargs.get("query_params")), kwargs.get("headers")
        )
    except (WebSocketException, OSError) as error:
        raise refused(error) from error


def refused(error: Exception) -> client.ApiException:
    """Return an upgrade that was refused as any other refused request, with the server's own answer in it."""
    exception = client.ApiException(status=getattr(error, "status_code", 0), reason=str(error).split(" -+-+- ")[0])
    exception.body = (getattr(error, "resp_body", None) or b"").decode(errors="replace")
    return exception
