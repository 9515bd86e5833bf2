"""Which checkpoints may go: all but those that somebody may still ask for.

Kept of each trial: the last two (the newest may be torn by a dying node), the one nearest to its
best result, and whatever any trial would go on from. So a trial keeps three, and what was copied
from it stays until the copy has saved its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from luthier.trial.trial_state import Saved, TrialState

LAST_KEPT = 2


def superfluous(trial: TrialState, everyone: Iterable[TrialState]) -> list[Saved]:
    """Return the checkpoints of a trial that nobody may ask for any more."""
    older = trial.saved[:-LAST_KEPT]
    if not older:
        return []
    kept = {other.origin.checkpoint for other in everyone}
    best = nearest_to_best(trial)
    return [saved for saved in older if saved.checkpoint not in kept and saved is not best]


def nearest_to_best(trial: TrialState) -> Saved | None:
    """Return the newest checkpoint at or before a trial's best result, or None when there is none."""
    if trial.best is None:
        return None
    before = [saved for saved in trial.saved if saved.iteration <= trial.best.iteration]
    return before[-1] if before else None
