"""Kubernetes quantities: what several trials take together."""

from __future__ import annotations

import math
import re
from decimal import Decimal


def cores(value: float) -> str:
    """Return CPU cores as a quantity: `2`, `1500m`."""
    milli = math.ceil(round(value * 1000, 6))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def times(quantity: str, count: int) -> str:
    """Return a quantity multiplied: `1.5Gi` times 2 is `3Gi`."""
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity")
    number = (Decimal(match[1]) * count).normalize()
    return f"{number:f}{match[2]}"


def whole(value: float) -> int:
    """Round up, forgiving the last bits of a float: three times a third of a GPU is one GPU."""
    return math.ceil(round(value, 6))
