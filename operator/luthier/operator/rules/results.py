"""A search that runs but learns nothing: an objective that is never reported, or no result at all."""

from __future__ import annotations

from datetime import datetime, timedelta

from luthier.api.status import ConditionStatus
from luthier.api.wire import Phase, Report
from luthier.operator.conditions import ConditionType, Ruling, find, holds, stalled
from luthier.operator.observation import Observation, PodState
from luthier.operator.verdict import Verdict

HELD = ("DriverUnreachable", "MetricMissing", "NoResult")
"""Stalls that only a driver's word can end, even of one that was never heard."""


def name_missing_results(seen: Observation, now: datetime) -> Verdict | None:
    """Say which metric is missing, or since when no result has come."""
    driver, report = seen.driver, seen.contact.report
    if driver is None or driver.state is not PodState.RUNNING:
        return None
    if report is None or report.attempt != driver.attempt:
        return _hold(seen)
    if report.phase is not Phase.RUNNING:
        return None
    if report.missing_metric is not None:
        return Verdict(rulings=(_metric_missing(report),))
    begin = driver.started or driver.created
    since = max(report.last_result_time or begin, begin)
    timeout = seen.spec.trial.report_timeout_seconds
    due = since + timedelta(seconds=timeout)
    if now < due:
        return Verdict(look_again=due)
    message = f"no result for {timeout} seconds (spec.trial.reportTimeoutSeconds), since {since:%H:%M:%S} UTC"
    return Verdict(rulings=(stalled("NoResult", message),))


def _metric_missing(report: Report) -> Ruling:
    carried = ", ".join(report.metrics_seen) or "no metrics at all"
    message = f"results come without the objective {report.missing_metric!r}; they carry {carried}"
    return stalled("MetricMissing", message)


def _hold(seen: Observation) -> Verdict | None:
    """Right after the operator's own start nothing was heard yet; what was said before still stands."""
    said = find(seen.previous, ConditionType.STALLED)
    if said is None or said.status is not ConditionStatus.TRUE:
        return None
    if said.reason not in HELD and not holds(seen.previous, ConditionType.RUNNING):
        return None
    return Verdict(rulings=(stalled(said.reason, said.message),)) if seen.previous.attempt == seen.attempt else None
