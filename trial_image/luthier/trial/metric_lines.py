"""Metrics in a program's output: `name=value` words or one JSON object a line."""

from __future__ import annotations

import json
import re

MAX_LINE = 64 * 1024
PAIR = re.compile(
    r"(?:^|[\s,;])([A-Za-z_][\w./-]{0,62})\s*=\s*([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf|infinity))(?=$|[\s,;])",
    re.IGNORECASE,
)


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
        str(name)[:63]: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
