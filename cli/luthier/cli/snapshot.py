"""What a view shows: one small value, made from a local run's report or from an experiment's status in the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from luthier.api.experiment import Objective
from luthier.api.manifest import Experiment
from luthier.api.status import (
    ConditionStatus,
    FailedTrial,
    Population,
    Progress,
    RungCount,
    Status,
    StatusCondition,
    TrialCounts,
    TrialResult,
    Usage,
)
from luthier.api.wire import Phase, Report
from luthier.cli.errors import Refusal
from luthier.cli.trial_rows import TrialRow

ENDED = ("Succeeded", "Failed", "Rejected")


@dataclass(frozen=True)
class Snapshot:
    """An experiment at one moment."""

    name: str
    objectives: tuple[Objective, ...]
    state: str
    """Pending, Running, Suspended, Stalled, Interrupted, Succeeded, Failed or Rejected."""
    reason: str = ""
    """CamelCase word for why it is in that state."""
    message: str = ""
    """A sentence with numbers for the same."""
    trials: TrialCounts = field(default_factory=TrialCounts)
    progress: Progress = field(default_factory=Progress)
    usage: Usage = field(default_factory=Usage)
    best: TrialResult | None = None
    top: tuple[TrialResult, ...] = ()
    front: tuple[TrialResult, ...] = ()
    population: Population | None = None
    failures: tuple[FailedTrial, ...] = ()
    failure_counts: Mapping[str, int] = field(default_factory=dict)
    """Bad ends of runs by class."""
    rungs: tuple[RungCount, ...] = ()
    rows: tuple[TrialRow, ...] = ()
    """Trials one by one, where the ledger can be seen; the view chooses among them."""
    workers: str = ""
    """Ready and desired worker pods, where there are any."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def has_succeeded(self) -> bool:
        """Whether it did what it was asked for."""
        return self.state == "Succeeded"


def of_report(experiment: Experiment, report: Report, *, interrupted: bool = False) -> Snapshot:
    """Return the snapshot of a local run."""
    state, reason, message = _state_of_report(report, interrupted=interrupted)
    return Snapshot(
        name=experiment.metadata.name,
        objectives=tuple(experiment.spec.objectives),
        state=state,
        reason=reason,
        message=message,
        trials=report.trials,
        progress=report.progress,
        usage=report.usage,
        best=report.best,
        top=tuple(report.top),
        front=tuple(report.pareto_front),
        population=report.population,
        failures=tuple(report.failures),
        failure_counts=report.failure_counts,
        rungs=tuple(report.activity.rungs) if report.activity else (),
    )


def of_status(name: str, objectives: Sequence[Objective], status: Status) -> Snapshot:
    """Return the snapshot of an experiment in the cluster."""
    state, condition = _state_of_conditions(status.conditions)
    workers = status.workers
    return Snapshot(
        name=name,
        objectives=tuple(objectives),
        state=state,
        reason=condition.reason if condition else "",
        message=condition.message if condition else "",
        trials=status.trials,
        progress=status.progress,
        usage=status.usage,
        best=status.best,
        top=tuple(status.top),
        front=tuple(status.pareto_front),
        population=status.population,
        failures=tuple(status.failures),
        failure_counts=status.failure_counts,
        rungs=tuple(status.activity.rungs) if status.activity else (),
        workers=f"{workers.ready}/{workers.desired} workers" if workers.desired else "",
    )


def of_object(obj: dict[str, Any]) -> Snapshot:
    """Return the snapshot of a TuningExperiment as the API server gives it.

    Lenient about the spec, which a newer version may have written: only its objectives are read.

    Raises:
        Refusal: another version wrote it, and it can't be read.
    """
    name = obj["metadata"]["name"]
    try:
        objectives = [Objective.model_validate(o) for o in obj.get("spec", {}).get("objectives", [])]
        status = Status.model_validate(obj.get("status") or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise Refusal(
            f"{name} can't be read: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            hint="Is the cluster's Luthier another version than this one?",
        ) from error
    return of_status(name, objectives, status)


def _state_of_report(report: Report, *, interrupted: bool) -> tuple[str, str, str]:
    if report.outcome:
        state = "Succeeded" if report.outcome.succeeded else "Failed"
        return state, report.outcome.reason, report.outcome.message
    if interrupted:
        return "Interrupted", "", "Stopped before its end; ledger and checkpoints are kept."
    if report.problem:
        return "Stalled", report.problem.reason, report.problem.message
    if report.missing_metric:
        seen = ", ".join(report.metrics_seen) or "none"
        return (
            "Stalled",
            "MetricMissing",
            f"Results come without the objective {report.missing_metric}; they carry {seen}.",
        )
    return ("Pending", "", "Starting Ray.") if report.phase is Phase.STARTING else ("Running", "", "")


def _state_of_conditions(conditions: Sequence[StatusCondition]) -> tuple[str, StatusCondition | None]:
    """Return the word and the condition that decides it; the first of an order that an end comes first in."""
    by_type = {condition.type: condition for condition in conditions}
    accepted = by_type.get("Accepted")
    if accepted and accepted.status is ConditionStatus.FALSE:
        return "Rejected", accepted
    for state in ("Failed", "Succeeded", "Suspended", "Stalled", "Running"):
        condition = by_type.get(state)
        if condition and condition.status is ConditionStatus.TRUE:
            return state, condition
    return "Pending", by_type.get("Running") or accepted
