"""Ports for servers that are told theirs: nothing else takes one between its choice and its use.

They lie below the range from which the kernel gives ports to outgoing connections, of which tests make many.
"""

from __future__ import annotations

import random
import socket

CANDIDATES = range(10000, 19999)
ATTEMPTS = 100


def a_free_port() -> int:
    """Return a port that nobody listens on."""
    source = random.SystemRandom()
    for _ in range(ATTEMPTS):
        port = source.choice(CANDIDATES)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError("no free port found")
