"""What a running driver is told: edited budgets, facts about its worker pods, what those say of themselves.

Each kind of message has its own token and its own bounds; what cannot be used is answered with a sentence.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from luthier.api.experiment import Budget
from luthier.api.wire import NodeWord, WorkerFacts
from luthier.trial.nodes import Nodes

OnBudget = Callable[[int, Budget], None]
Clock = Callable[[], float]
SMALL_BYTES = 16 * 1024
FACTS_BYTES = 2 * 1024 * 1024
"""A thousand pods with what the API server had to say of each."""
NODES = "/nodes/"


@dataclass(frozen=True)
class Answer:
    """What is said back: a status code and a body."""

    code: int
    body: bytes = b""
    kind: str = "text/plain"


@dataclass(frozen=True)
class Entry:
    """One kind of message: who may send it, how long it may be, what takes it in."""

    token: str
    max_bytes: int
    take: Callable[[bytes], Answer]

    def is_open_to(self, header: str | None) -> bool:
        """Whether an Authorization header carries the token."""
        return bears(header, self.token)


class Inbox:
    """Takes messages from the server's threads."""

    def __init__(self, token: str, node_token: str | None, nodes: Nodes, clock: Clock = time.time) -> None:
        """Take budgets and facts from whoever has `token`, and pods' own words with `node_token`."""
        self._token = token
        self._node_token = node_token
        self._nodes = nodes
        self._clock = clock
        self.on_budget: OnBudget | None = None

    def entry(self, path: str) -> Entry:
        """Return what takes in a message to a path."""
        if path == "/budget":
            return Entry(self._token, SMALL_BYTES, self._take_budget)
        if path == "/workers":
            return Entry(self._token, FACTS_BYTES, self._take_facts)
        if path.startswith(NODES) and self._node_token:
            return Entry(self._node_token, SMALL_BYTES, lambda body: self._take_word(path.removeprefix(NODES), body))
        return Entry(self._token, SMALL_BYTES, lambda _: Answer(404))

    def _take_budget(self, body: bytes) -> Answer:
        try:
            sent = json.loads(body)
            generation, budget = int(sent["generation"]), Budget.model_validate(sent["budget"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, ValidationError) as error:
            return Answer(400, f"no budget: {error}".encode())
        if self.on_budget is None:
            return Answer(400, b"not ready for a budget yet")
        self.on_budget(generation, budget)
        return Answer(204)

    def _take_facts(self, body: bytes) -> Answer:
        try:
            facts = WorkerFacts.model_validate_json(body)
        except (ValueError, RecursionError) as error:
            return Answer(400, f"no facts about workers: {error}".encode())
        self._nodes.learn(facts)
        return Answer(204)

    def _take_word(self, name: str, body: bytes) -> Answer:
        try:
            word = NodeWord.model_validate_json(body)
        except (ValueError, RecursionError) as error:
            return Answer(400, f"no word of a node: {error}".encode())
        if word.name != name:
            return Answer(400, b"a pod speaks for itself only")
        may_leave = self._nodes.hear(word, self._clock())
        return Answer(200, json.dumps({"mayLeave": may_leave}).encode(), "application/json")


def bears(header: str | None, token: str) -> bool:
    """Whether an Authorization header carries a token."""
    return hmac.compare_digest((header or "").encode(), f"Bearer {token}".encode())
