"""An experiment that has ended deletes itself after `ttlSecondsAfterFinished`."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.operator.observation import Observation
from luthier.operator.plan import DeleteExperiment
from luthier.operator.verdict import Verdict


def delete_after_its_time(seen: Observation, now: datetime) -> Verdict | None:
    """Delete the experiment when its time after the end is over."""
    ended, ttl = seen.previous.completion_time, seen.spec.ttl_seconds_after_finished
    if ended is None or ttl is None or not seen.has_ended:
        return None
    due = ended + timedelta(seconds=ttl)
    if now < due:
        return Verdict(look_again=due)
    return Verdict(actions=(DeleteExperiment(seen.identity.name, seen.identity.uid),), is_final=True, is_silent=True)
