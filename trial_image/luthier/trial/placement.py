"""Where Ray runs things: its nodes with their slots, which node an actor is on, and which nodes are dead.

One look at all nodes serves for a while, since a loop that has nothing to wait for would ask without end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import ray
from ray.core.generated.autoscaler_pb2 import DRAIN_NODE_REASON_PREEMPTION

from luthier.api.keys import SLOT

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 0.25
DRAIN_SECONDS = 2.0
ACTORS_KEPT = 4096


@dataclass(frozen=True)
class RayNode:
    """One node that is or was part of this Ray."""

    id: str
    ip: str
    is_alive: bool
    slots: int


class Placement:
    """What Ray's head knows; Ray is connected when it is asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self._clock = clock
        self._nodes: list[RayNode] = []
        self._looked: float | None = None
        self._ip_of: dict[str, str] = {}
        self._drained: set[str] = set()

    def slots(self, without: frozenset[str]) -> int:
        """Return the number of slots on live nodes, some addresses left out."""
        return sum(node.slots for node in self._look() if node.is_alive and node.ip not in without)

    def live(self) -> set[str]:
        """Return the addresses of live nodes that have slots."""
        return {node.ip for node in self._look() if node.is_alive and node.slots}

    def is_lost(self, ip: str | None) -> bool:
        """Whether Ray has declared the node at an address dead, as of this moment."""
        there = [node for node in self._look(0.0) if node.ip == ip]
        return bool(there) and not any(node.is_alive for node in there)

    def resources(self) -> dict[str, tuple[float, float]]:
        """Return, of CPU and GPU, what all nodes have and what of it is in use."""
        total, free = ray.cluster_resources(), ray.available_resources()
        return {name: (total[name], total[name] - free.get(name, 0.0)) for name in ("CPU", "GPU") if name in total}

    def node_of(self, actor: Any) -> str | None:
        """Return the address of the node that an actor is on; None while it is on none."""
        key = actor._ray_actor_id.hex()  # noqa: SLF001
        if key not in self._ip_of:
            address = ray._private.state.state.actor_table(key).get("Address", {})  # noqa: SLF001
            if not address.get("IPAddress"):
                return None
            if len(self._ip_of) >= ACTORS_KEPT:
                self._ip_of.clear()
            self._ip_of[key] = address["IPAddress"]
        return self._ip_of[key]

    def drain(self, ips: Iterable[str]) -> None:
        """Have Ray start nothing new on these nodes; what runs there goes on, and an empty node leaves by itself."""
        for node in self._look(0.0):
            if node.is_alive and node.ip in ips and node.id not in self._drained:
                self._drained.add(node.id)
                _drain(node)

    def _look(self, seconds: float = LOOK_SECONDS) -> list[RayNode]:
        now = self._clock()
        if self._looked is None or now - self._looked >= seconds:
            self._nodes = [_seen(entry) for entry in ray.nodes()]
            self._looked = now
        return self._nodes


def _seen(entry: dict[str, Any]) -> RayNode:
    return RayNode(entry["NodeID"], entry["NodeManagerAddress"], entry["Alive"], int(entry["Resources"].get(SLOT, 0)))


def _drain(node: RayNode) -> None:
    gcs = ray._private.worker.global_worker.gcs_client  # noqa: SLF001
    try:
        gcs.drain_node(node.id, DRAIN_NODE_REASON_PREEMPTION, "its pod was told to end", 0, timeout=DRAIN_SECONDS)
    except Exception:  # whatever Ray's client raises; without it a new run may have to move once more
        LOGGER.warning("Ray could not be told that the node at %s leaves", node.ip, exc_info=True)
