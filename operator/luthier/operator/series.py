"""Series of experiments: how good, how far, what it cost, why it is stuck. Pure.

Status is where they come from, so they are right after a restart and for experiments that have ended. What status
is told of only once a minute comes from the driver's newest report, where a driver lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from luthier.api.status import Status
from luthier.api.wire import Phase, Report
from luthier.operator.cluster import Json
from luthier.operator.conditions import ConditionType, find, holds
from luthier.operator.observe import read_status
from luthier.operator.pods import as_time

PENDING = "Pending"
STATES = (PENDING, "Running", "Suspended", "Stalled", "Succeeded", "Failed", "Rejected")
TRIAL_STATES = ("pending", "running", "paused", "succeeded", "stopped", "failed")
PLACE = ("namespace", "experiment")
HOUR_SECONDS = 3600

Family = GaugeMetricFamily | CounterMetricFamily


@dataclass(frozen=True)
class Known:
    """What the page says of one experiment."""

    place: tuple[str, str]
    """Namespace and name."""
    created: datetime | None
    status: Status
    objective: tuple[str, str] | None
    """Metric and direction of the primary objective."""
    budget: Json
    is_population: bool


def read_experiment(body: Json) -> Known:
    """Return what the page says of an experiment as the API server stores it: anybody may have written it."""
    spec = body.get("spec") or {}
    budget, scheduler = spec.get("budget"), spec.get("scheduler")
    return Known(
        (body["metadata"].get("namespace", ""), body["metadata"]["name"]),
        as_time(body["metadata"].get("creationTimestamp")),
        read_status(body),
        _primary_objective(spec),
        budget if isinstance(budget, dict) else {},
        isinstance(scheduler, dict) and bool(scheduler.keys() & {"pbt", "pb2"}),
    )


def with_report(known: Known, report: Report | None) -> Known:
    """Return the same with what a living driver says of times and progress, where status follows only once a minute.

    What only grows is shown as it stands in status: an operator that begins anew must not show less than it has shown.
    """
    status = known.status
    if report is None or report.phase is Phase.STARTING or report.attempt != status.attempt:
        return known
    newer: dict[str, Any] = {
        "last_result_time": report.last_result_time or status.last_result_time,
        "last_improvement_time": report.last_improvement_time or status.last_improvement_time,
    }
    if holds(status, ConditionType.RUNNING):
        newer["progress"] = report.progress
    return replace(known, status=status.model_copy(update=newer))


def families(known: Sequence[Known]) -> Iterator[Family]:
    """Return all families with the samples of some experiments, always the same ones in the same order."""
    for make in (_states, _times, _trials, _progress, _costs, _activities, _pods):
        yield from make(known)


def _states(known: Sequence[Known]) -> Iterator[Family]:
    state = _gauge("luthier_experiment_state", "1 for the state that an experiment is in.", "state")
    stalled = _gauge("luthier_experiment_stalled", "1 while nothing moves; the reason says why.", "reason")
    for one in known:
        state.add_metric([*one.place, one.status.state or PENDING], 1)
        condition = find(one.status, ConditionType.STALLED)
        if condition is not None and holds(one.status, ConditionType.STALLED):
            stalled.add_metric([*one.place, condition.reason], 1)
    yield from (state, stalled)


def _times(known: Sequence[Known]) -> Iterator[Family]:
    created = _gauge(
        "luthier_experiment_created_timestamp_seconds", "When the experiment was created, in seconds since 1970."
    )
    result = _gauge("luthier_last_result_timestamp_seconds", "When a trial last reported, in seconds since 1970.")
    improved = _gauge(
        "luthier_last_improvement_timestamp_seconds",
        "When a result was last better than all before it, in seconds since 1970.",
    )
    for one in known:
        status = one.status
        for family, moment in (
            (created, one.created),
            (result, status.last_result_time),
            (improved, status.last_improvement_time),
        ):
            if moment is not None:
                family.add_metric(one.place, moment.timestamp())
    yield from (created, result, improved)


def _trials(known: Sequence[Known]) -> Iterator[Family]:
    trials = _gauge("luthier_trials", "Trials by state.", "state")
    best = _gauge("luthier_best_objective", "Best value of the primary objective.", "metric", "direction")
    for one in known:
        counts = one.status.trials
        for state in TRIAL_STATES:
            trials.add_metric([*one.place, state], getattr(counts, state))
        value = one.status.best.metrics.get(one.objective[0]) if one.status.best and one.objective else None
        if value is not None and one.objective:
            best.add_metric([*one.place, *one.objective], value)
    yield from (trials, best)


def _progress(known: Sequence[Known]) -> Iterator[Family]:
    ratio = _gauge("luthier_progress_ratio", "Part of the budget's trials or iterations that is done, from 0 to 1.")
    eta = _gauge("luthier_eta_seconds", "Seconds that are left, from the pace so far; absent while there is none.")
    used = _gauge("luthier_budget_used_ratio", "Part of a budget that is spent; 1 is all of it.", "budget")
    for one in known:
        ratio.add_metric(one.place, one.status.progress.percent / 100)
        if one.status.progress.eta_seconds is not None:
            eta.add_metric(one.place, one.status.progress.eta_seconds)
        for budget, part in _budgets(one):
            used.add_metric([*one.place, budget], part)
    yield from (ratio, eta, used)


def _budgets(one: Known) -> Iterator[tuple[str, float]]:
    status = one.status
    spent = {
        "trials": ("trials", status.trials.finished),
        "duration": ("durationSeconds", status.usage.running_seconds),
        "gpu_hours": ("gpuHours", status.usage.gpu_seconds / HOUR_SECONDS),
    }
    for budget, (field, value) in spent.items():
        limit = one.budget.get(field)
        if isinstance(limit, int | float) and limit > 0:
            yield budget, value / limit


def _costs(known: Sequence[Known]) -> Iterator[Family]:
    gpu = _counter("luthier_gpu_seconds", "GPU-seconds that trials held.")
    slots = _counter("luthier_trial_seconds", "Seconds that trials held a slot.")
    gpu_wasted = _counter(
        "luthier_gpu_seconds_wasted",
        "GPU-seconds that came to nothing: EarlyStopped, Exploited, Failed, Disrupted.",
        "cause",
    )
    slots_wasted = _counter(
        "luthier_trial_seconds_wasted",
        "Seconds in a slot that came to nothing: EarlyStopped, Exploited, Failed, Disrupted.",
        "cause",
    )
    for one in known:
        usage = one.status.usage
        gpu.add_metric(one.place, usage.gpu_seconds)
        slots.add_metric(one.place, usage.trial_seconds)
        _add_by(gpu_wasted, one, usage.wasted_gpu_seconds.items())
        _add_by(slots_wasted, one, usage.wasted_trial_seconds.items())
    yield from (gpu, slots, gpu_wasted, slots_wasted)


def _activities(known: Sequence[Known]) -> Iterator[Family]:
    exploits = _counter("luthier_exploits", "Copies of a winner's weights to a loser.")
    explores = _counter("luthier_explores", "Copies whose parameters were changed on the way.")
    promotions = _counter(
        "luthier_rung_promotions", "Trials that went on from a rung, which is named by its iterations.", "rung"
    )
    stops = _counter("luthier_rung_stops", "Trials that ended at a rung, which is named by its iterations.", "rung")
    saved = _counter("luthier_checkpoints", "Checkpoints that were complete on the storage.")
    written = _counter("luthier_checkpoint_bytes", "Bytes of those checkpoints.")
    seconds = _counter("luthier_checkpoint_seconds", "Seconds that writing those checkpoints took.")
    failures = _counter("luthier_checkpoint_failures", "Checkpoints that found no room or were damaged.")
    retries = _counter("luthier_retries", "Runs that ended badly and went on from a checkpoint, by cause.", "cause")
    for one in known:
        activity = one.status.activity
        if activity is None:
            continue
        if one.is_population:
            exploits.add_metric(one.place, activity.exploits)
            explores.add_metric(one.place, activity.explores)
        _add_by(promotions, one, ((str(rung.iterations), rung.promoted) for rung in activity.rungs))
        _add_by(stops, one, ((str(rung.iterations), rung.stopped) for rung in activity.rungs))
        saved.add_metric(one.place, activity.checkpoints.saved)
        written.add_metric(one.place, activity.checkpoints.bytes)
        seconds.add_metric(one.place, activity.checkpoints.seconds)
        failures.add_metric(one.place, activity.checkpoints.failures)
        _add_by(retries, one, activity.retries.items())
    yield from (exploits, explores, promotions, stops, saved, written, seconds, failures, retries)


def _pods(known: Sequence[Known]) -> Iterator[Family]:
    failures = _counter(
        "luthier_experiment_failures", "Runs and worker pods that ended badly, by cause; retried ones count.", "cause"
    )
    workers = _gauge("luthier_workers", "Worker pods that should run, and that do.", "state")
    restarts = _counter("luthier_driver_restarts", "Drivers that were replaced because they were lost.")
    for one in known:
        _add_by(failures, one, one.status.failure_counts.items())
        workers.add_metric([*one.place, "wanted"], one.status.workers.desired)
        workers.add_metric([*one.place, "ready"], one.status.workers.ready)
        restarts.add_metric(one.place, one.status.restarts)
    yield from (failures, workers, restarts)


def _add_by(family: Family, one: Known, values: Iterable[tuple[str, float]]) -> None:
    for label, value in dict(values).items():  # a driver may say a thing twice, and a page may not
        family.add_metric([*one.place, label], value)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=_labels(labels))


def _counter(name: str, words: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, labels=_labels(labels))


def _labels(labels: Sequence[str]) -> list[str]:
    return [*PLACE, *labels]


def _primary_objective(spec: Json) -> tuple[str, str] | None:
    objectives = spec.get("objectives") or []
    first = objectives[0] if isinstance(objectives, list) and objectives else None
    return (str(first.get("metric")), str(first.get("direction"))) if isinstance(first, dict) else None
