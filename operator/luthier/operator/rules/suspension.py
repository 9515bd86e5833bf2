"""`suspend: true` stops the pods and keeps the storage; the next driver goes on from there."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.conditions import ConditionType, Ruling, running, suspended
from luthier.operator.observation import Observation, PodState
from luthier.operator.plan import DeletePod
from luthier.operator.verdict import Verdict

SUSPENDED = "Suspended"
RESUMING = "Resuming"
"""Reason of Running from the end of the suspension until a driver is there."""


def suspend(seen: Observation, _now: datetime) -> Verdict | None:
    """Stop every pod while the user wants it so."""
    if not seen.spec.suspend:
        return None
    pods = (*seen.drivers, *seen.workers)
    return Verdict(
        rulings=(
            suspended(True, SUSPENDED, "spec.suspend is true; checkpoints and results are kept"),
            running(False, SUSPENDED, "spec.suspend is true"),
            Ruling(ConditionType.STALLED, False, SUSPENDED, "spec.suspend is true"),
        ),
        actions=tuple(DeletePod(pod.name, pod.uid) for pod in pods if pod.state is not PodState.LEAVING),
        is_final=True,
    )
