"""Ask a name server one question, to see that the cluster's DNS works end to end.

The question goes to the Service's address, so an answer proves kube-proxy, the
pods' network and CoreDNS together; a Deployment's status may be one of its last
life.
"""

from __future__ import annotations

import secrets
import socket
import struct

ANSWER_SECONDS = 0.5
HEADER = struct.Struct("!6H")
RECURSION_DESIRED = 0x0100
RESPONSE_CODE_MASK = 0x000F
ADDRESS_RECORD, INTERNET = 1, 1


def answers(server: str, name: str) -> bool:
    """Return whether the server knows an IPv4 address of the name."""
    identity = secrets.randbits(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.sendto(_question(identity, name), (server, 53))
            reply = connection.recv(512)
        except OSError:
            return False
    found_identity, flags, _, records, _, _ = HEADER.unpack(reply[: HEADER.size])
    return found_identity == identity and not flags & RESPONSE_CODE_MASK and records > 0


def _question(identity: int, name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = HEADER.pack(identity, RECURSION_DESIRED, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!2H", ADDRESS_RECORD, INTERNET)
