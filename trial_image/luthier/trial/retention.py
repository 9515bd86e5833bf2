"""Which checkpoints may go: all but those that somebody may still ask for.

Of a trial that may run again stay the last two (the newest may be torn by a dying node) and the one nearest to its
best result; of a complete one the last, from which a raised budget goes on. Of any that is shown among the best
stays the one nearest to its best result; and always whatever some trial would go on from. So storage grows by one
checkpoint for each complete trial, and by none for those that a scheduler stopped or that failed.
"""

from __future__ import annotations

from luthier.trial.trial_state import Saved, State, TrialState

LAST_KEPT = 2


def superfluous(trial: TrialState, *, is_shown: bool) -> list[Saved]:
    """Return the checkpoints of a trial that may go unless some trial would go on from them.

    Args:
        trial: whose they are.
        is_shown: whether the trial is among the best.
    """
    kept = trial.saved[len(trial.saved) - _last_kept(trial) :]
    best = nearest_to_best(trial) if is_shown or trial.may_go_on else None
    return [saved for saved in trial.saved if saved not in kept and saved != best]


def _last_kept(trial: TrialState) -> int:
    if trial.may_go_on:
        return min(LAST_KEPT, len(trial.saved))
    return min(1, len(trial.saved)) if trial.state is State.SUCCEEDED else 0


def nearest_to_best(trial: TrialState) -> Saved | None:
    """Return the newest checkpoint at or before a trial's best result, or None when there is none."""
    if trial.best is None:
        return None
    before = [saved for saved in trial.saved if saved.iteration <= trial.best.iteration]
    return before[-1] if before else None
