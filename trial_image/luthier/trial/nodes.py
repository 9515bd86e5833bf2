"""What is known of the worker nodes: what each pod says of itself, and what only Kubernetes knows.

Told by the server's threads and asked by the engine's loop, hence the lock; no clock, no Ray.
A node is known by its address, because that is what Ray calls it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from luthier.api.failures import OF_PODS, Cause
from luthier.api.wire import NodeWord, WorkerFact, WorkerFacts

OOM_SECONDS = 5.0
"""For this long after it was said a kill for memory explains a loss; Ray tells of the loss at once."""
LOST_SECONDS = 3.0
"""A pod whose Ray ended leaves by itself within this time; one that is frozen or cut off does not."""
MAX_NODES = 4096
"""Pods that are remembered; whoever has the token could invent them without end."""


@dataclass(frozen=True)
class Node:
    """One worker pod, as it has spoken."""

    name: str
    uid: str
    ip: str
    oom_kills: int = 0
    explained: int = 0
    """Kills that a loss has been put down to."""
    killed_at: float = 0.0
    is_leaving: bool = False
    seen_alive: float | None = None
    """When Ray last had it; None while it has not joined."""

    def is_missing(self, now: float) -> bool:
        """Whether Ray has had it and has it no more, though nobody told it to end."""
        return not self.is_leaving and self.seen_alive is not None and now - self.seen_alive >= LOST_SECONDS


class Nodes:
    """All worker pods of this attempt that have spoken or been spoken of."""

    def __init__(self) -> None:
        """Know nobody."""
        self._lock = threading.Lock()
        self._nodes: dict[str, Node] = {}
        self._facts: dict[str, WorkerFact] = {}
        self._untold: list[WorkerFact] = []
        self._leaving: frozenset[str] = frozenset()
        self._emptied: frozenset[str] = frozenset()
        self._is_over = False

    # what the server's threads tell

    def hear(self, word: NodeWord, now: float) -> bool:
        """Take in what a pod says of itself; return whether it may leave: no trial is left on it."""
        with self._lock:
            node = self._nodes.get(word.ip)
            is_known = node is not None and (node.name, node.uid) == (word.name, word.uid)
            if node is None or not is_known:  # an address may have had another pod before
                if node is None and len(self._nodes) >= MAX_NODES:
                    return True
                node = Node(word.name, word.uid, word.ip)
            if word.oom_kills > node.oom_kills:
                node = replace(node, oom_kills=word.oom_kills, killed_at=now)
            self._nodes[word.ip] = replace(node, is_leaving=node.is_leaving or word.is_leaving)
            self._leaving = self._told_to_end()
            return word.is_leaving and (self._is_over or word.ip in self._emptied)

    def learn(self, facts: WorkerFacts) -> None:
        """Take in what Kubernetes knows; a fact that is known already says nothing new."""
        with self._lock:
            for fact in facts.workers:
                known = self._facts.get(fact.name)
                if known is None and len(self._facts) >= MAX_NODES:
                    continue
                self._facts[fact.name] = fact
                if known is None or known.cause is not fact.cause:
                    self._untold.append(fact)
            self._leaving = self._told_to_end()

    # what the loop asks and tells

    @property
    def leaving(self) -> frozenset[str]:
        """Addresses of nodes that were told to end: no run may begin there."""
        return self._leaving

    @property
    def names(self) -> dict[str, str]:
        """Names of the pods that have spoken, by address."""
        with self._lock:
            return {ip: node.name for ip, node in self._nodes.items()}

    def lost(self, live: Collection[str], now: float) -> list[str]:
        """Return the uids of pods that were among Ray's live nodes and have been missing from them for a while."""
        with self._lock:
            for ip in self._nodes.keys() & live:
                self._nodes[ip] = replace(self._nodes[ip], seen_alive=now)
            return sorted(node.uid for node in self._nodes.values() if node.uid and node.is_missing(now))

    def empty(self, ips: Iterable[str]) -> None:
        """Take note of which leaving nodes hold no run, so that they may leave."""
        with self._lock:
            self._emptied = frozenset(ips)

    def dismiss(self) -> None:
        """Let everyone leave: no loop looks after runs any more."""
        with self._lock:
            self._is_over = True

    def take_facts(self) -> list[WorkerFact]:
        """Return the facts that have come in since the last call."""
        with self._lock:
            facts, self._untold = self._untold, []
            return facts

    def cause_of_loss(self, ip: str | None, now: float) -> tuple[Cause, str] | None:
        """Return why a run on a node was lost, in words; None while nobody has said. One kill explains one loss."""
        if ip is None:
            return None
        with self._lock:
            node = self._nodes.get(ip)
            if node and node.explained < node.oom_kills and now - node.killed_at <= OOM_SECONDS:
                self._nodes[ip] = replace(node, explained=node.explained + 1)
                return Cause.OUT_OF_MEMORY, f"a process of worker pod {node.name} was killed at the pod's memory limit"
            fact = self._facts_by_ip().get(ip)
            is_said = ip in self._leaving or (fact is not None and fact.cause not in OF_PODS)
            return self._why(ip) if is_said else None

    def reason_to_leave(self, ip: str | None) -> tuple[Cause, str]:
        """Return why a node's runs have to go elsewhere."""
        with self._lock:
            return self._why(ip or "")

    def _why(self, ip: str) -> tuple[Cause, str]:
        fact, node = self._facts_by_ip().get(ip), self._nodes.get(ip)
        if fact and fact.cause not in OF_PODS:
            return fact.cause, fact.message or f"worker pod {fact.name}: {fact.cause}"
        return Cause.EVICTED, f"worker pod {node.name if node else ip} was told to end"

    def _told_to_end(self) -> frozenset[str]:
        said = {ip for ip, node in self._nodes.items() if node.is_leaving}
        return frozenset(said | {ip for ip, fact in self._facts_by_ip().items() if fact.is_leaving})

    def _facts_by_ip(self) -> dict[str, WorkerFact]:
        """Return facts by address; where a pod has spoken, none of an earlier one that had its address."""
        addresses = {node.name: ip for ip, node in self._nodes.items()}
        found = {fact.ip: fact for fact in self._facts.values() if fact.ip and fact.ip not in self._nodes}
        return found | {addresses[name]: fact for name, fact in self._facts.items() if name in addresses}
