"""HTTP to a port of a pod, through the API server's port forwarding: no network path of one's own is needed.

The far end is the pod's loopback address, so a NetworkPolicy does not matter; the right to `pods/portforward` does.
"""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from typing import Any

from kubernetes import client
from kubernetes.stream import portforward

ANSWER_SECONDS = 60.0


class Tunnel(HTTPConnection):
    """One connection to one port of a pod."""

    def __init__(self, api: client.ApiClient, namespace: str, pod: str, port: int) -> None:
        super().__init__("localhost", port, timeout=ANSWER_SECONDS)
        # The client library bends its ApiClient while it connects, so this one is nobody else's.
        self._core = client.CoreV1Api(client.ApiClient(api.configuration))
        self._namespace = namespace
        self._pod = pod
        self._forward: Any = None
        self.sock: socket.socket | None

    def connect(self) -> None:
        """Open the tunnel.

        Raises:
            client.ApiException: the API server refuses.
        """
        self._forward = portforward(
            self._core.connect_get_namespaced_pod_portforward, self._pod, self._namespace, ports=str(self.port)
        )
        self.sock = self._forward.socket(self.port)
        self._forward.socket(self.port).settimeout(ANSWER_SECONDS)

    @property
    def fault(self) -> str:
        """What the pod's node said of the port, if anything."""
        return (self._forward.error(self.port) or "") if self._forward else ""
