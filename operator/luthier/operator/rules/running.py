"""Whether the search runs, said last: everything else has had its word."""

from __future__ import annotations

from datetime import datetime

from luthier.api.wire import Phase, Report
from luthier.operator.conditions import ConditionType, holds, kept, running
from luthier.operator.observation import Observation, PodState
from luthier.operator.scaling import desired_workers
from luthier.operator.verdict import Verdict


def tell_whether_it_runs(seen: Observation, now: datetime) -> Verdict | None:
    """Tell it from the driver's word; before the first word, from what was said before."""
    driver = seen.driver
    if driver is None or not driver.is_alive:
        return None
    report = seen.contact.report
    if report is not None and report.attempt == driver.attempt and report.phase is not Phase.STARTING:
        return Verdict((running(True, "SearchRunning", _sentence(seen, report, now)),))
    if report is None and seen.previous.attempt == driver.attempt and holds(seen.previous, ConditionType.RUNNING):
        said = kept(seen.previous, ConditionType.RUNNING)
        return Verdict((said,)) if said is not None else None
    if driver.state is PodState.UNSEEN:
        return Verdict((running(False, "DriverUnseen", f"the node of driver pod {driver.name} does not answer"),))
    if driver.state is PodState.RUNNING:
        return Verdict((running(False, "DriverStarting", f"driver of attempt {driver.attempt} is starting"),))
    return Verdict((running(False, "DriverPending", f"driver pod {driver.name} is not running yet"),))


def _sentence(seen: Observation, report: Report, now: datetime) -> str:
    trials = report.trials
    message = f"{trials.finished} of {trials.total} trials are done, {trials.running} run"
    if seen.spec.worker_count:
        message += f" on {len(seen.ready_workers)} of {desired_workers(seen, now)} workers"
    waiting = next((p.trouble for p in seen.workers if p.attempt == seen.attempt and p.trouble is not None), None)
    if waiting is not None and seen.ready_workers:
        message += f"; {waiting.message}"
    return message
