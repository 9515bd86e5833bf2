"""When the experiment is over, and why: ordered rules over the study, the first that holds decides."""

from __future__ import annotations

from luthier.api.wire import Outcome
from luthier.trial.records import WorkerFailed
from luthier.trial.study import Study
from luthier.trial.trial_state import State


def outcome(study: Study, now: float) -> Outcome | None:
    """Return how the experiment ended, or None while it goes on."""
    for rule in RULES:
        ended = rule(study, now)
        if ended:
            return ended
    return None


def a_failure_is_final(study: Study, now: float) -> Outcome | None:  # noqa: ARG001 - rules share one shape
    """Something happened that the retry policy lets end the experiment."""
    failure = study.final_failure
    if failure is None:
        return None
    who = failure.worker if isinstance(failure, WorkerFailed) else failure.trial
    return Outcome(
        succeeded=False,
        reason="FailedFast",
        message=_cut(
            f"{who}: {failure.cause}: {_last_line(failure.message)}; trial.retryPolicy says FailExperiment for this"
        ),
    )


def target_is_reached(study: Study, now: float) -> Outcome | None:  # noqa: ARG001 - rules share one shape
    """Some trial is as good as every target that is set."""
    targets = [objective for objective in study.spec.objectives if objective.target is not None]
    name = next(iter(study.at_target), None)
    best = study.trials[name].best if name else None
    if not targets or not best:
        return None
    first = targets[0]
    return Outcome(
        succeeded=True,
        reason="TargetReached",
        message=f"{name} reached {first.metric} {best.metrics[first.metric]:.6g} (target {first.target:.6g})",
    )


def failures_are_too_many(study: Study, now: float) -> Outcome | None:  # noqa: ARG001
    """More trials failed than the budget tolerates."""
    failed = len(study.failed) - (len(study.infeasible) if study.has_any_result else 0)
    if failed <= study.budget.failed_trials:
        return None
    last = study.trials[study.failed[-1]]
    return Outcome(
        succeeded=False,
        reason="TooManyFailures",
        message=_cut(
            f"{failed} trials failed and the budget tolerates {study.budget.failed_trials}; "
            f"the last, {last.name}: {last.cause}: {_last_line(last.message)}"
        ),
    )


def trials_are_done(study: Study, now: float) -> Outcome | None:  # noqa: ARG001
    """Every trial that was asked for, or that the space holds, has ended."""
    asked = study.exhausted or len(study.trials) >= study.budget.trials
    if not asked or study.unfinished:
        return None
    good = study.count(State.SUCCEEDED, State.STOPPED)
    if not good:
        last = study.trials[study.failed[-1]] if study.failed else None
        why = f"; the last, {last.name}: {last.cause}: {_last_line(last.message)}" if last else ""
        return Outcome(
            succeeded=False,
            reason="NoTrialSucceeded",
            message=_cut(f"none of {len(study.trials)} trials succeeded{why}"),
        )
    reason = "SpaceExhausted" if study.exhausted else "TrialsDone"
    return Outcome(
        succeeded=True,
        reason=reason,
        message=f"{len(study.trials)} trials ended: {study.count(State.SUCCEEDED)} succeeded, "
        f"{study.count(State.STOPPED)} stopped early, {len(study.failed)} failed",
    )


def the_user_stops_it(study: Study, now: float) -> Outcome | None:  # noqa: ARG001
    """The budget says that it is to end now."""
    return _spent(study, "Stopped", "stopped by budget.stop") if study.budget.stop else None


def duration_is_spent(study: Study, now: float) -> Outcome | None:
    """The search ran as long as the budget allows."""
    limit = study.budget.duration_seconds
    if limit is None or study.running_seconds(now) < limit:
        return None
    return _spent(study, "DurationReached", f"{limit} seconds are spent")


def gpu_hours_are_spent(study: Study, now: float) -> Outcome | None:
    """Trials held GPUs as long as the budget allows."""
    limit = study.budget.gpu_hours
    if limit is None or study.trial_seconds(now) * study.spec.trial.resources.gpu / 3600 < limit:
        return None
    return _spent(study, "GpuHoursReached", f"{limit:g} GPU-hours are spent")


RULES = (
    a_failure_is_final,
    target_is_reached,
    failures_are_too_many,
    trials_are_done,
    the_user_stops_it,
    duration_is_spent,
    gpu_hours_are_spent,
)


def _spent(study: Study, reason: str, why: str) -> Outcome:
    has_result = bool(study.ranking.top(1))
    found = "" if has_result else "; no trial had reported"
    return Outcome(succeeded=has_result, reason=reason, message=f"{why} after {len(study.trials)} trials{found}")


def _last_line(message: str | None) -> str:
    lines = (message or "").strip().splitlines()
    return lines[-1] if lines else ""


def _cut(message: str) -> str:
    return message if len(message) <= 1000 else message[:1000] + "..."
