"""What of a trial's own words counts: numbers that Ray did not add, in bounds, under names that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ray.tune.result import AUTO_RESULT_KEYS, DEBUG_METRICS, DONE, TRIAL_ID

from luthier.api.status import METRICS_SHOWN
from luthier.api.text import printable

NOT_METRICS = frozenset(AUTO_RESULT_KEYS) | frozenset(DEBUG_METRICS) | {DONE, TRIAL_ID, "should_checkpoint"}
MAX_DEPTH = 4


def numbers_of(result: dict[str, Any], first: list[str]) -> dict[str, float]:
    """Return a result's own metrics: numbers that Ray did not add, the objectives' for certain, bounded in number."""
    numbers: dict[str, float] = {}
    for name, value in flat(result).items():
        number = _number_of(value)
        if number is not None and name not in NOT_METRICS and not name.startswith(("config/", "__")):
            numbers[printable(name)[:63]] = number
    names = [n for n in first if n in numbers] + sorted(numbers.keys() - set(first))
    return {name: numbers[name] for name in names[:METRICS_SHOWN]}


def flat(result: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return a result without nesting: `{"val": {"loss": 1}}` has `val/loss`. Names may be anything; depth ends."""
    found: dict[str, Any] = {}
    for key, value in result.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}/", depth + 1) if depth < MAX_DEPTH else {}
        else:
            found[name] = value
    return found


def _number_of(value: Any) -> float | None:
    """Return what a trial reported as a number, if it is one; whatever else it is must not end the search."""
    if isinstance(value, str | bytes):
        return None
    try:
        value = value.item() if hasattr(value, "item") else value  # NumPy's and torch's, if they hold a single one
        return float(value) if hasattr(value, "__float__") else None
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:
        return None
