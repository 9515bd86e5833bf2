"""How long to wait before something is tried again: pure functions of how often it failed."""

from __future__ import annotations

DRIVER_FIRST_SECONDS = 10
DRIVER_MAX_SECONDS = 300
DRIVER_STEADY_SECONDS = 600
"""A driver that ran as long as this is not in a crash loop."""

REFUSAL_FIRST_SECONDS = 2
REFUSAL_MAX_SECONDS = 30

ERROR_FIRST_SECONDS = 0.5
ERROR_MAX_SECONDS = 30

WORKER_REST_SECONDS = 10
"""Rest before a worker that ended soon after its start is replaced."""
WORKER_STEADY_SECONDS = 60


def doubling(failures: int, first: float, longest: float) -> float:
    """Return the seconds to wait after this many failures in a row: 0, first, 2 first, 4 first, ... longest."""
    return 0 if failures <= 0 else min(first * 2 ** min(failures - 1, 32), longest)


def driver_seconds(restarts: int) -> float:
    """Return the rest before the next driver, after this many were replaced: 0, 10, 20, 40, ... 300."""
    return doubling(restarts, DRIVER_FIRST_SECONDS, DRIVER_MAX_SECONDS)


def refusal_seconds(failures: int) -> float:
    """Return the rest before a refused create is tried again: 2, 4, 8, ... 30."""
    return doubling(failures, REFUSAL_FIRST_SECONDS, REFUSAL_MAX_SECONDS)


def error_seconds(failures: int) -> float:
    """Return the rest after a round that ended in an error: 0.5, 1, 2, ... 30."""
    return doubling(failures, ERROR_FIRST_SECONDS, ERROR_MAX_SECONDS)
