"""Questions to a Prometheus over its HTTP API."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """Prometheus refused a question; the message has the question and its answer."""


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    address: str
    """Such as `http://127.0.0.1:9090`."""

    def ask(self, path: str, **parameters: object) -> Any:
        """Return the data of an answer.

        Raises:
            Refusal: it does not understand the question.
        """
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refusal(f"{parameters}: {error.read().decode()}") from None

    def series(self, expr: str, begin: float, end: float, step: float = 1) -> list[Json]:
        """Return an expression's series between two moments (seconds since the epoch), a value each `step` seconds."""
        found: list[Json] = self.ask("query_range", query=expr, start=begin, end=end, step=step)["result"]
        return found

    def newest(self, expr: str, at: float) -> list[Json]:
        """Return an expression's series as they are at a moment."""
        found: list[Json] = self.ask("query", query=expr, time=at)["result"]
        return found
