"""The pure end of a round: what was seen and decided becomes the status to write.

What a report does not say stays as it was, so a restart of operator or driver takes
nothing away. Nothing here depends on the clock but the moments of transitions, so a
round without news makes the same status and nothing is written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from luthier.api.status import (
    MOST,
    Activity,
    ConditionStatus,
    EndedBudget,
    Status,
    StatusCondition,
    TrialCounts,
    Usage,
    WorkerCounts,
)
from luthier.api.wire import Phase, Report
from luthier.operator.conditions import ConditionType, Ruling, find
from luthier.operator.growing import at_least
from luthier.operator.observation import Observation
from luthier.operator.rules.finish import BAD_EXPERIMENT
from luthier.operator.scaling import desired_workers
from luthier.operator.sizing import fitted
from luthier.operator.verdict import Decision

SENTENCE_CHARACTERS = 256
"""Of the sentence beside the state."""
STALL_CHARACTERS = 64
"""Of a stall's one word; that of a driver's own may be longer."""


def project(seen: Observation, decision: Decision, now: datetime) -> Status:
    """Return the status that follows from an observation and its decision."""
    conditions = [_condition(seen, ruling, now) for ruling in decision.rulings]
    held = {condition.type for condition in conditions if condition.status is ConditionStatus.TRUE}
    has_ended = bool(held & {ConditionType.SUCCEEDED, ConditionType.FAILED})
    status = seen.previous.model_copy(
        update={
            **_progress(seen, is_running=ConditionType.RUNNING in held),
            "conditions": conditions,
            "observed_generation": seen.identity.generation,
            **_state(held, conditions),
            "stalled": next((c.reason[:STALL_CHARACTERS] for c in conditions if _is_stall(c)), None),
            "workers": WorkerCounts(
                desired=_desired_workers(seen, held, now, has_ended=has_ended), ready=len(seen.ready_workers)
            ),
            "attempt": seen.attempt,
            "restarts": seen.restarts,
            "start_time": seen.previous.start_time or _first_start(seen),
            "completion_time": _completion(seen, now) if has_ended else None,
            "ended_budget": _ended_budget(seen, has_ended=has_ended),
        }
    )
    return fitted(status)


def status_patch(before: dict[str, Any], after: Status) -> dict[str, Any]:
    """Return the JSON merge patch from a stored status to a new one; empty when they say the same."""
    return _merge_patch(before, _without_nulls(after.to_json()))


def _condition(seen: Observation, ruling: Ruling, now: datetime) -> StatusCondition:
    before = find(seen.previous, ruling.type)
    status = ConditionStatus.TRUE if ruling.status else ConditionStatus.FALSE
    same = before is not None and before.status is status
    return StatusCondition(
        type=ruling.type,
        status=status,
        reason=ruling.reason,
        message=ruling.message[:4096],
        last_transition_time=before.last_transition_time if before is not None and same else _seconds(now),
        observed_generation=seen.identity.generation,
    )


def _is_stall(condition: StatusCondition) -> bool:
    return condition.type == ConditionType.STALLED and condition.status is ConditionStatus.TRUE


def _state(held: set[str], conditions: list[StatusCondition]) -> dict[str, Any]:
    """One word, the most telling first, and the sentence behind it."""
    messages = {condition.type: condition.message[:SENTENCE_CHARACTERS] for condition in conditions}
    if any(c.type == ConditionType.ACCEPTED and c.status is ConditionStatus.FALSE for c in conditions):
        return {"state": "Rejected", "message": messages[ConditionType.ACCEPTED]}
    order = (
        ConditionType.FAILED,
        ConditionType.SUCCEEDED,
        ConditionType.SUSPENDED,
        ConditionType.STALLED,
        ConditionType.RUNNING,
    )
    word = next((type_ for type_ in order if type_ in held), None)
    return {"state": str(word or "Pending"), "message": messages.get(word or ConditionType.RUNNING)}


def _progress(seen: Observation, *, is_running: bool) -> dict[str, Any]:
    """Fields that come from the driver; empty where it has not said anything worth showing."""
    report = seen.report
    if report is None or report.phase is Phase.STARTING:
        return _idle(seen, is_running=is_running)
    trials = report.trials if is_running else _rested(report.trials)
    return {
        "trials": trials,
        "best": report.best or seen.previous.best,
        "best_value": _best_value(seen, report),
        "done": f"{trials.finished}/{trials.total}",
        "gpu_hours": _hours(report.usage),
        "eta": _eta(report) if is_running else None,
        "progress": report.progress if is_running else report.progress.model_copy(update={"eta_seconds": None}),
        "usage": at_least(seen.previous.usage, report.usage),
        "last_result_time": _moment(report.last_result_time) or seen.previous.last_result_time,
        "last_improvement_time": _moment(report.last_improvement_time) or seen.previous.last_improvement_time,
        "activity": _activity(seen.previous.activity, report.activity),
        **_details(seen, report),
    }


def _activity(before: Activity | None, now: Activity | None) -> Activity | None:
    return at_least(before, now) if before is not None and now is not None else now or before


def _details(seen: Observation, report: Report) -> dict[str, Any]:
    """Lists that a termination message may have no room for are kept from before."""
    cut = seen.contact.report is not report
    before = seen.previous
    return {
        "top": report.top or (before.top if cut else []),
        "pareto_front": report.pareto_front or (before.pareto_front if cut else []),
        "failures": report.failures or (before.failures if cut else []),
        "failure_counts": report.failure_counts or before.failure_counts,
        "population": before.population if cut and before.population is not None else report.population,
    }


def _idle(seen: Observation, *, is_running: bool) -> dict[str, Any]:
    before = seen.previous
    if is_running:
        return {}
    trials = before.trials if seen.attempt else TrialCounts()
    if seen.experiment is not None and trials.total == 0:
        trials = trials.model_copy(update={"total": seen.spec.budget.trials})
    trials = _rested(trials)
    return {
        "trials": trials,
        "done": f"{trials.finished}/{trials.total}" if trials.total else None,
        "gpu_hours": _hours(before.usage),
        "eta": None,
        "progress": before.progress.model_copy(update={"eta_seconds": None}),
    }


def _rested(trials: TrialCounts) -> TrialCounts:
    """Where no driver runs, no trial does."""
    return trials.model_copy(update={"running": 0, "pending": min(MOST, trials.pending + trials.running)})


def _best_value(seen: Observation, report: Report) -> str | None:
    if report.best is None or seen.experiment is None:
        return seen.previous.best_value
    value = report.best.metrics.get(seen.spec.objectives[0].metric)
    return seen.previous.best_value if value is None else f"{value:.6g}"


def _hours(usage: Usage) -> str:
    return f"{usage.gpu_seconds / 3600:.2f}"


def _eta(report: Report) -> str | None:
    seconds = report.progress.eta_seconds
    if seconds is None:
        return None
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h{seconds % 3600 // 60}m" if seconds < 86400 else f"{seconds // 86400}d"


def _desired_workers(seen: Observation, held: set[str], now: datetime, *, has_ended: bool) -> int:
    if seen.experiment is None or has_ended or ConditionType.SUSPENDED in held:
        return 0
    return desired_workers(seen, now)


def _completion(seen: Observation, now: datetime) -> datetime:
    """An end that is said already keeps its time; one after a raised budget has its own."""
    return (seen.previous.completion_time if seen.has_ended else None) or _seconds(now)


def _ended_budget(seen: Observation, *, has_ended: bool) -> EndedBudget | None:
    """Kept from the end until the driver that goes on from there exists; none for an end that no budget can move."""
    if seen.is_reopened or (has_ended and seen.has_ended):
        return seen.previous.ended_budget
    report = seen.report
    if has_ended and seen.is_stopped_without_a_driver:
        return EndedBudget(**seen.spec.budget.to_json())
    if not has_ended or report is None or report.outcome is None or report.outcome.reason == BAD_EXPERIMENT:
        return None
    return report.ended_budget or EndedBudget(**seen.spec.budget.to_json())


def _first_start(seen: Observation) -> datetime | None:
    return min((pod.created for pod in seen.drivers), default=None)


def _seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _moment(moment: datetime | None) -> datetime | None:
    return _seconds(moment) if moment is not None else None


def _without_nulls(value: Any) -> Any:
    """A merge patch cannot say null, so no status holds one."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = _merge_patch(old, value)
            if inner:
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch
