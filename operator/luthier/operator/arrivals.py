"""When an attempt's driver came to run and when its first result came, each told once. Pure but for what it notes.

The first look at an experiment tells nothing of what has been before it: another operator has counted that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from luthier.operator.observation import Observation


@dataclass
class Arrived:
    """The last attempts whose arrivals are known; None before the first look."""

    driver: int | None = None
    result: int | None = None


@dataclass(frozen=True)
class News:
    """Seconds that are to be counted now."""

    wait_seconds: float | None = None
    startup_seconds: float | None = None


def look(seen: Observation, arrived: Arrived, created: datetime | None) -> News:
    """Return what has arrived since the last look, and note it.

    Args:
        seen: what is to be seen now.
        arrived: what had arrived by the last look.
        created: when the experiment was created.
    """
    wait, startup = _wait(seen, created), _startup(seen)
    ran, had = arrived.driver, arrived.result
    arrived.driver = seen.attempt if wait is not None else ran or 0
    arrived.result = seen.attempt if startup is not None else had or 0
    return News(
        wait if ran is not None and ran < arrived.driver else None,
        startup if had is not None and had < arrived.result else None,
    )


def _wait(seen: Observation, created: datetime | None) -> float | None:
    driver = seen.driver
    if driver is None or driver.started is None:
        return None
    since = created if seen.attempt == 1 and created is not None else driver.created
    return max(0.0, (driver.started - since).total_seconds())


def _startup(seen: Observation) -> float | None:
    """Status knows of a result even before the driver has been heard again."""
    driver, report = seen.driver, seen.report
    last = report.last_result_time if report is not None else seen.previous.last_result_time
    if driver is None or last is None:
        return None
    seconds = (last - driver.created).total_seconds()
    return seconds if seconds >= 0 else None  # status keeps whole seconds
