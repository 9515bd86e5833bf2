"""From the study to the one bounded report that operator, command line and browser read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from luthier.api.experiment import Direction, Spec
from luthier.api.status import (
    FAILURES_SHOWN,
    FRONT_POINTS,
    LINEAGE_STEPS,
    MESSAGE_CHARACTERS,
    METRICS_SHOWN,
    RUNGS_SHOWN,
    TOP_TRIALS,
    Activity,
    CheckpointCounts,
    EndedBudget,
    Exploit,
    FailedTrial,
    Population,
    Progress,
    TrialCounts,
    TrialResult,
    Usage,
)
from luthier.api.wire import Outcome, Phase, Problem, Report
from luthier.trial.lineage import ancestry
from luthier.trial.records import TrialReported
from luthier.trial.retention import nearest_to_best
from luthier.trial.study import Study
from luthier.trial.trial_state import State, TrialState

WORKERS_SHOWN = 64
"""As many idle or lost workers as the report has room for; the next ones follow when these are gone."""


def make_report(
    study: Study,
    *,
    uid: str,
    attempt: int,
    sequence: int,
    now: float,
    idle_workers: Sequence[str] = (),
    lost_workers: Sequence[str] = (),
    problem: Problem | None = None,
    remark: str = "",
) -> Report:
    """Return the report of a study at a time (seconds since the epoch), with the names of workers without a trial,
    the uids of those that Ray has lost, and what is to be said with the outcome."""
    top = [study.trials[name] for name in study.ranking.top(TOP_TRIALS)]
    return Report(
        uid=uid,
        attempt=attempt,
        generation=study.generation,
        sequence=sequence,
        phase=Phase.FINISHED if study.outcome else Phase.RUNNING if study.trials else Phase.STARTING,
        outcome=_outcome(study, remark),
        ended_budget=EndedBudget(**study.ended_budget.to_json()) if study.ended_budget else None,
        trials=_counts(study),
        best=result_of(top[0], study.spec) if top else None,
        top=[result_of(trial, study.spec) for trial in top],
        pareto_front=_front(study),
        progress=_progress(study, now),
        usage=_usage(study, now),
        population=_population(study, top[0] if top else None),
        failures=[_failure(study.trials[name]) for name in study.failed[-FAILURES_SHOWN:]],
        wanted_workers=_wanted_workers(study),
        idle_workers=list(idle_workers[:WORKERS_SHOWN]),
        lost_workers=list(lost_workers[:WORKERS_SHOWN]),
        failure_counts=dict(study.failure_counts),
        problem=problem,
        last_result_time=_moment(study.last_result_time) if study.last_result_time else None,
        last_improvement_time=_moment(study.tally.improved_at) if study.tally.improved_at else None,
        activity=_activity(study),
        missing_metric=study.missing_metric if study.metrics_seen else None,
        metrics_seen=sorted(study.metrics_seen)[:32],
    )


def _outcome(study: Study, remark: str) -> Outcome | None:
    if study.outcome is None or not remark:
        return study.outcome
    return study.outcome.model_copy(update={"message": f"{study.outcome.message}; {remark}"[:MESSAGE_CHARACTERS]})


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


def _wanted_workers(study: Study) -> int | None:
    """Return how many workers the trials that may yet run would fill: it never rises again but with the budget.

    Trials that wait for their scheduler's order count, or workers would come and go with each rung.
    """
    workers = study.spec.workers
    if study.outcome or workers.max == 0:
        return None
    new = 0 if study.exhausted else max(0, study.budget.trials - len(study.trials))
    trials = min(study.budget.parallel_trials, study.unfinished + new)
    return -(-trials // workers.trials_per_worker)


def result_of(trial: TrialState, spec: Spec) -> TrialResult:
    """Return a trial's best result as status shows it."""
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


def _front(study: Study) -> list[TrialResult]:
    return [result_of(trial, study.spec) for trial in front_of(study)[:FRONT_POINTS]]


def front_of(study: Study) -> list[TrialState]:
    """Return the trials that no other one beats in every objective; none where there is only one objective."""
    spec = study.spec
    if len(spec.objectives) < 2:
        return []
    ranked = [study.trials[name] for name in study.ranking]
    front: dict[str, tuple[float, ...]] = {}
    by_scores = sorted(ranked, key=lambda trial: _scores(trial, spec), reverse=True)
    for trial in by_scores:  # whoever beats a trial comes before it, so one of the front does
        scores = _scores(trial, spec)
        if not any(_dominates(other, scores) for other in front.values()):
            front[trial.name] = scores
    return [study.trials[name] for name in front]


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
    over = len(study.trials) - study.unfinished
    done = over + sum(min(1.0, trial.iteration / limit) for trial in study.not_over() if limit)
    return min(1.0, done / total) if total else 0.0


def _usage(study: Study, now: float) -> Usage:
    seconds, gpus = study.trial_seconds(now), study.spec.trial.resources.gpu
    wasted = study.tally.wasted
    return Usage(
        trial_seconds=round(seconds, 1),
        gpu_seconds=round(seconds * gpus, 1),
        running_seconds=round(study.running_seconds(now), 1),
        wasted_trial_seconds={cause: round(wasted[cause], 1) for cause in sorted(wasted)},
        wasted_gpu_seconds={cause: round(wasted[cause] * gpus, 1) for cause in sorted(wasted)} if gpus else {},
    )


def _activity(study: Study) -> Activity:
    tally = study.tally
    return Activity(
        exploits=tally.exploits,
        explores=tally.explores,
        checkpoints=CheckpointCounts(
            saved=tally.checkpoints,
            bytes=tally.checkpoint_bytes,
            seconds=round(tally.checkpoint_seconds, 3),
            failures=tally.checkpoint_failures,
        ),
        retries=dict(tally.retries),
        rungs=study.rung_counts()[:RUNGS_SHOWN],
    )


def _population(study: Study, best: TrialState | None) -> Population | None:
    scheduler = study.spec.scheduler
    block = scheduler and (scheduler.pbt or scheduler.pb2)
    if not block:
        return None
    slowest = min((trial.iteration for trial in study.not_over()), default=None)
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
    ancestors = ancestry(result_of(best, study.spec), copies) if best else []
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
