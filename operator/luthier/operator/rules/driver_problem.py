"""A driver that runs and says itself what keeps it from going on: a full storage, no worker that joined."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.conditions import as_reason, stalled
from luthier.operator.observation import Observation, PodState
from luthier.operator.verdict import Verdict


def name_the_drivers_problem(seen: Observation, _now: datetime) -> Verdict | None:
    """Pass its words on. What the pods themselves tell comes first: it is nearer to the cause."""
    driver, report = seen.driver, seen.contact.report
    if driver is None or driver.state is not PodState.RUNNING or report is None or report.attempt != driver.attempt:
        return None
    if report.problem is None:
        return None
    return Verdict(rulings=(stalled(as_reason(report.problem.reason, "DriverProblem"), report.problem.message),))
