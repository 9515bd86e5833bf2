"""A create that the API server refused: quota, Pod Security, another admission check."""

from __future__ import annotations

from datetime import datetime

from luthier.api import keys
from luthier.operator.conditions import stalled
from luthier.operator.observation import Observation
from luthier.operator.verdict import Verdict


def name_refused_creates(seen: Observation, _now: datetime) -> Verdict | None:
    """Say what was refused in the server's own words; a search that runs on some workers is not stalled by it."""
    if not seen.refusals:
        return None
    look_again = min(refusal.retry_at for refusal in seen.refusals)
    worst = min(seen.refusals, key=lambda refusal: f"-{keys.ROLE_WORKER}-" in refusal.name)
    if seen.ready_workers and f"-{keys.ROLE_WORKER}-" in worst.name:
        return Verdict(look_again=look_again)
    message = f"{worst.kind} {worst.name} was refused: {worst.message}"
    return Verdict(rulings=(stalled(worst.reason, message),), look_again=look_again)
