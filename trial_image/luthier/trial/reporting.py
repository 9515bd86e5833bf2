"""From the study to the one bounded report that operator, command line and browser read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from luthier.api.experiment import Direction, Spec
from luthier.api.status import (
    FAILURES_SHOWN,
    FRONT_POINTS,
    LINEAGE_STEPS,
    METRICS_SHOWN,
    TOP_TRIALS,
    Exploit,
    FailedTrial,
    Population,
    Progress,
    TrialCounts,
    TrialResult,
    Usage,
)
from luthier.api.wire import Phase, Report
from luthier.trial.lineage import ancestry
from luthier.trial.records import TrialReported
from luthier.trial.retention import nearest_to_best
from luthier.trial.study import Study
from luthier.trial.trial_state import State, TrialState


def make_report(study: Study, *, uid: str, attempt: int, sequence: int, now: float) -> Report:
    """Return the report of a study at a time (seconds since the epoch)."""
    ranked = sorted(
        (t for t in study.trials.values() if t.best and t.state is not State.FAILED), key=lambda t: -_score(t)
    )
    return Report(
        uid=uid,
        attempt=attempt,
        generation=study.generation,
        sequence=sequence,
        phase=Phase.FINISHED if study.outcome else Phase.RUNNING if study.trials else Phase.STARTING,
        outcome=study.outcome,
        trials=_counts(study),
        best=_result(ranked[0], study.spec) if ranked else None,
        top=[_result(trial, study.spec) for trial in ranked[:TOP_TRIALS]],
        pareto_front=_front(ranked, study.spec),
        progress=_progress(study, now),
        usage=_usage(study, now),
        population=_population(study, ranked[0] if ranked else None),
        failures=[_failure(study.trials[name]) for name in study.failed[-FAILURES_SHOWN:]],
        last_result_time=_moment(study.last_result_time) if study.last_result_time else None,
        missing_metric=study.missing_metric if study.metrics_seen else None,
        metrics_seen=sorted(study.metrics_seen)[:32],
    )


def _counts(study: Study) -> TrialCounts:
    return TrialCounts(
        total=len(study.trials) if study.exhausted else max(study.budget.trials, len(study.trials)),
        pending=study.count(State.WAITING),
        running=study.count(State.RUNNING),
        paused=study.count(State.PAUSED),
        succeeded=study.count(State.SUCCEEDED),
        stopped=study.count(State.STOPPED),
        failed=study.count(State.FAILED),
    )


def _score(trial: TrialState) -> float:
    return trial.best.score if trial.best else float("-inf")


def _result(trial: TrialState, spec: Spec) -> TrialResult:
    best = trial.best
    if best is None:
        return TrialResult(trial=trial.name, iteration=0)
    checkpoint = nearest_to_best(trial)
    return TrialResult(
        trial=trial.name,
        iteration=best.iteration,
        parameters=dict(best.values),
        metrics=_shown(best.metrics, spec),
        checkpoint=checkpoint.checkpoint if checkpoint else None,
    )


def _shown(metrics: dict[str, float], spec: Spec) -> dict[str, float]:
    first = [o.metric for o in spec.objectives if o.metric in metrics]
    names = first + sorted(metrics.keys() - set(first))
    return {name: metrics[name] for name in names[:METRICS_SHOWN]}


def _front(ranked: Sequence[TrialState], spec: Spec) -> list[TrialResult]:
    if len(spec.objectives) < 2:
        return []
    front: dict[str, tuple[float, ...]] = {}
    by_scores = sorted(ranked, key=lambda trial: _scores(trial, spec), reverse=True)
    for trial in by_scores:  # whoever beats a trial comes before it, so one of the front does
        scores = _scores(trial, spec)
        if not any(_dominates(other, scores) for other in front.values()):
            front[trial.name] = scores
    by_name = {trial.name: trial for trial in ranked}
    return [_result(by_name[name], spec) for name in list(front)[:FRONT_POINTS]]


def _scores(trial: TrialState, spec: Spec) -> tuple[float, ...]:
    metrics = trial.best.metrics if trial.best else {}
    return tuple(metrics[o.metric] * (1 if o.direction is Direction.MAXIMIZE else -1) for o in spec.objectives)


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


def _progress(study: Study, now: float) -> Progress:
    part = 1.0 if study.outcome else _done_part(study)
    seconds = study.running_seconds(now)
    left = round(seconds * (1 - part) / part) if part > 0 else None
    return Progress(percent=int(100 * part), eta_seconds=left)


def _done_part(study: Study) -> float:
    limit = study.budget.iterations_per_trial
    total = len(study.trials) if study.exhausted else study.budget.trials
    done = sum(1.0 if t.is_over else min(1.0, t.iteration / limit) if limit else 0.0 for t in study.trials.values())
    return min(1.0, done / total) if total else 0.0


def _usage(study: Study, now: float) -> Usage:
    seconds = study.trial_seconds(now)
    return Usage(
        trial_seconds=round(seconds, 1),
        gpu_seconds=round(seconds * study.spec.trial.resources.gpu, 1),
        running_seconds=round(study.running_seconds(now), 1),
    )


def _population(study: Study, best: TrialState | None) -> Population | None:
    scheduler = study.spec.scheduler
    block = scheduler and (scheduler.pbt or scheduler.pb2)
    if not block:
        return None
    slowest = min((t.iteration for t in study.trials.values() if not t.is_over), default=None)
    if slowest is None:
        slowest = max((t.iteration for t in study.trials.values()), default=0)
    return Population(
        generation=slowest // block.perturbation_interval,
        exploits=len(study.exploits),
        lineage=_lineage(study, best),
    )


def _lineage(study: Study, best: TrialState | None) -> list[Exploit]:
    """Return the copies that the winner's weights descend from, then the last others, as many as are shown; by time."""
    copies = [as_exploit(record) for record in study.exploits]
    ancestors = ancestry(_result(best, study.spec), copies) if best else []
    others = [copy for copy in reversed(copies) if copy not in ancestors]
    return sorted([*ancestors, *others][:LINEAGE_STEPS], key=lambda copy: copy.time)


def as_exploit(record: TrialReported) -> Exploit:
    """Return the exploit that a result's record holds."""
    step = record.exploit
    assert step is not None  # noqa: S101 - only called for records that hold one
    return Exploit(
        trial=record.trial,
        donor=step.donor,
        iteration=record.iteration,
        donor_iteration=step.donor_iteration,
        time=_moment(record.time),
        checkpoint=step.checkpoint,
        changed=dict(step.changed),
    )


def _failure(trial: TrialState) -> FailedTrial:
    return FailedTrial(trial=trial.name, cause=trial.cause or "Unknown", message=trial.message or "")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
