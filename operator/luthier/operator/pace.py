"""How soon a new status is written: a turn at once, progress at a steady pace, what only grows with time seldom.

So the writes of an experiment grow with how long it runs, not with the number of its trials.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.api.status import Status

PROGRESS_SECONDS = 1.5
"""A report is in status within two seconds."""
COST_SECONDS = 60
COST = {"usage", "gpu_hours", "eta", "progress", "activity", "last_result_time"}
"""Fields that change though no trial says anything, or with each result though nobody waits for them."""
TURNS = ("state", "attempt", "restarts", "observed_generation", "completion_time", "ended_budget")


def due(before: Status, after: Status, written_at: datetime | None) -> datetime | None:
    """Return when the new status may be written; None for at once."""
    if written_at is None or _turns(before) != _turns(after):
        return None
    return written_at + timedelta(seconds=COST_SECONDS if _changed(before, after) <= COST else PROGRESS_SECONDS)


def _turns(status: Status) -> tuple[object, ...]:
    conditions = [(c.type, c.status, c.reason) for c in status.conditions]
    return *(getattr(status, field) for field in TURNS), *conditions


def _changed(before: Status, after: Status) -> set[str]:
    return {field for field in Status.model_fields if getattr(before, field) != getattr(after, field)}
