"""Workers that run but that the driver never sees: a policy between them, or another version of Ray in their image."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.api.wire import Report
from luthier.operator.conditions import stalled
from luthier.operator.observation import Observation, PodState
from luthier.operator.verdict import Verdict

PATIENCE_SECONDS = 45
"""A Ray node has joined in a few seconds, on a busy machine in twenty."""


def name_workers_that_do_not_join(seen: Observation, now: datetime) -> Verdict | None:
    """Say so when workers are ready for a while and the driver knows of none, neither at work nor idle."""
    driver, report = seen.driver, seen.contact.report
    if driver is None or driver.state is not PodState.RUNNING or report is None or report.attempt != driver.attempt:
        return None
    if not seen.ready_workers or not _waits_for_workers(report):
        return None
    since = max(min(pod.started or pod.created for pod in seen.ready_workers), driver.started or driver.created)
    due = since + timedelta(seconds=PATIENCE_SECONDS)
    if now < due:
        return Verdict(look_again=due)
    count = len(seen.ready_workers)
    message = (
        f"{count} worker pods run but the driver knows none of them; see their logs, and NetworkPolicies between pods"
    )
    return Verdict(rulings=(stalled("WorkersNotJoined", message),))


def _waits_for_workers(report: Report) -> bool:
    return bool(report.wanted_workers) and not report.trials.running and not report.idle_workers
