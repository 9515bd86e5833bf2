"""What one rule says, and how the verdicts of all rules become one decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from luthier.operator.conditions import DEFAULTS, Ruling
from luthier.operator.observation import Observation
from luthier.operator.plan import Action


@dataclass(frozen=True)
class Verdict:
    """What one rule says."""

    rulings: tuple[Ruling, ...] = ()
    actions: tuple[Action, ...] = ()
    look_again: datetime | None = None
    """When this rule would say something else though nothing had changed."""
    is_final: bool = False
    """No later rule is asked."""
    is_silent: bool = False
    """Status stays as it is."""


Rule = Callable[[Observation, datetime], Verdict | None]
"""A rule takes all that was seen and the time, and says something or nothing."""


@dataclass(frozen=True)
class Decision:
    """What to do now, what to say in status, and when to look again."""

    actions: tuple[Action, ...]
    rulings: tuple[Ruling, ...]
    """Every condition, once."""
    look_again: datetime | None = None
    is_silent: bool = False


def combine(verdicts: Iterable[Verdict]) -> Decision:
    """Return one decision: actions add up in order, the first word about a condition stands, the rest is default."""
    verdicts = tuple(verdicts)
    said: dict[str, Ruling] = {}
    for verdict in verdicts:
        for ruling in verdict.rulings:
            said.setdefault(ruling.type, ruling)
    return Decision(
        actions=tuple(action for verdict in verdicts for action in verdict.actions),
        rulings=tuple(said.get(default.type, default) for default in DEFAULTS),
        look_again=min((v.look_again for v in verdicts if v.look_again is not None), default=None),
        is_silent=any(verdict.is_silent for verdict in verdicts),
    )
