"""Metrics in a program's output: `name=value` words or one JSON object a line."""

from __future__ import annotations

import json
import math
import re

MAX_LINE = 64 * 1024
NAME = r"[A-Za-z_][A-Za-z0-9_./-]{0,62}"
NUMBER = r"[-+]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[-+]?[0-9]++)?|nan|infinity|inf)"
"""Possessive, so that a long line of digits costs its length and not the square of it."""
PAIR = re.compile(rf"(?:^|[\s,;])({NAME})\s*+=\s*+({NUMBER})(?=$|[\s,;])", re.IGNORECASE | re.ASCII)


def parse_metrics(line: str) -> dict[str, float]:
    """Return the numbers that a line reports; empty when it reports none.

    A JSON object's own numbers count, nested ones don't. Anything over 64 KiB is no metric.
    """
    text = line.strip()
    if not text or len(text) > MAX_LINE:
        return {}
    if text.startswith("{"):
        return _from_json(text)
    return {name: float(value) for name, value in PAIR.findall(text)}


def _from_json(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name[:63]: _as_float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf
