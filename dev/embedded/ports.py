"""Choose ports once per cluster and remember them, so that a kubeconfig stays true."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Mapping

from embedded.places import Layout

# Below the kernel's range for outgoing connections and below NodePorts, so that
# nothing else takes a port between its choice here and its use.
CANDIDATES = range(20000, 29999)
ATTEMPTS = 100


def remembered(layout: Layout, preferred: Mapping[str, int]) -> dict[str, int]:
    """Return this cluster's port of every name; 0 asks for any free one."""
    file = layout.root / "ports.json"
    if file.exists():
        known: dict[str, int] = json.loads(file.read_text())
        return known
    chosen = {name: port if port and is_free(port) else any_free() for name, port in preferred.items()}
    file.write_text(json.dumps(chosen))
    return chosen


def any_free() -> int:
    """Return a port nobody listens on."""
    source = random.SystemRandom()
    for _ in range(ATTEMPTS):
        port = source.choice(CANDIDATES)
        if is_free(port):
            return port
    raise OSError("no free port found")


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port, on any address."""
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
