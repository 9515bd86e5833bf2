"""The pure half of a round: all that was seen, and the time, become one decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from luthier.operator.observation import Observation
from luthier.operator.rules import RULES
from luthier.operator.verdict import Decision, Verdict, combine


def decide(seen: Observation, now: datetime) -> Decision:
    """Ask the rules in order, until one is final."""
    return combine(_ask(seen, now))


def _ask(seen: Observation, now: datetime) -> Iterator[Verdict]:
    for rule in RULES:
        verdict = rule(seen, now)
        if verdict is not None:
            yield verdict
            if verdict.is_final:
                return
