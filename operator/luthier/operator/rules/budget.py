"""A budget that changed while the search runs is told to the driver, which then reports the new generation."""

from __future__ import annotations

from datetime import datetime

from luthier.api.wire import Phase
from luthier.operator.observation import Observation, PodState
from luthier.operator.plan import PushBudget
from luthier.operator.verdict import Verdict


def push_budget(seen: Observation, _now: datetime) -> Verdict | None:
    """Push until the driver says that it works with this generation."""
    driver, report = seen.driver, seen.contact.report
    if driver is None or driver.state is not PodState.RUNNING or report is None or report.attempt != driver.attempt:
        return None
    if report.phase is Phase.FINISHED or report.generation >= seen.identity.generation:
        return None
    return Verdict(actions=(PushBudget(seen.identity.generation, seen.spec.budget),))
