"""A spec that the API server let through but that cannot work is refused here, in the open."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.conditions import accepted, running
from luthier.operator.observation import Observation
from luthier.operator.verdict import Verdict

SHOWN = 8


def reject_invalid_specs(seen: Observation, _now: datetime) -> Verdict | None:
    """Create nothing for a spec that cannot be used; what runs already is left alone."""
    if seen.experiment is not None:
        return None
    more = f" (and {len(seen.problems) - SHOWN} more)" if len(seen.problems) > SHOWN else ""
    message = "; ".join(seen.problems[:SHOWN]) + more
    return Verdict(
        rulings=(
            accepted(False, "Invalid", message or "the spec cannot be read"),
            running(False, "NotAccepted", "the spec cannot be used"),
        ),
        is_final=True,
    )
