"""A driver that is ready but does not answer the operator: its progress cannot be shown."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator.conditions import stalled
from luthier.operator.observation import Observation
from luthier.operator.verdict import Verdict

PATIENCE_SECONDS = 30


def name_unreachable_drivers(seen: Observation, now: datetime) -> Verdict | None:
    """Say since when and why no progress comes."""
    driver, since = seen.driver, seen.contact.unreachable_since
    if driver is None or not driver.ready or since is None or seen.contact.attempt != driver.attempt:
        return None
    due = since + timedelta(seconds=PATIENCE_SECONDS)
    if now < due:
        return Verdict(look_again=due)
    silence = f"no progress since {since:%H:%M:%S} UTC: {seen.contact.problem}"
    message = f"driver pod {driver.name} is ready but gives {silence}"
    return Verdict(rulings=(stalled("DriverUnreachable", message),))
