"""An experiment that is being deleted is left to the garbage collector, which follows the owner references."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.observation import Observation
from luthier.operator.verdict import Verdict


def leave_to_garbage_collection(seen: Observation, _now: datetime) -> Verdict | None:
    """Do nothing more for an experiment that is on its way out."""
    if not seen.identity.is_deleted:
        return None
    return Verdict(is_final=True, is_silent=True)
