"""Numbers that only grow: a new driver counts from the ledger, and what its predecessor held last may not be in it.

A counter that falls is a new counter to Prometheus, which then adds all of it once more.
"""

from __future__ import annotations

from typing import Any, TypeVar

from annotated_types import MaxLen
from pydantic.fields import FieldInfo

from luthier.api.status import RungCount, StatusModel

M = TypeVar("M", bound=StatusModel)


def at_least(before: M, now: M) -> M:
    """Return the same counts as of now, none of them lower than before."""
    larger = {
        name: _larger(getattr(before, name), getattr(now, name), _room(field))
        for name, field in type(now).model_fields.items()
    }
    return now.model_copy(update=larger)


def _larger(before: Any, now: Any, room: int | None) -> Any:
    if isinstance(now, StatusModel):
        return at_least(before, now)
    if isinstance(now, dict):
        names = list({**before, **now})[:room]  # drivers may say anything; those of ours know a handful of names
        return {name: max(before.get(name, 0), now.get(name, 0)) for name in names}
    if isinstance(now, list):
        known: dict[int, RungCount] = {rung.iterations: rung for rung in before}
        found: dict[int, RungCount] = {}
        for rung in now:
            one = found.get(rung.iterations) or known.get(rung.iterations)
            found[rung.iterations] = at_least(one, rung) if one else rung
        return list(found.values())
    return max(before, now)


def _room(field: FieldInfo) -> int | None:
    """Return how many entries a field takes; None for one without a limit."""
    return next((each.max_length for each in field.metadata if isinstance(each, MaxLen)), None)
