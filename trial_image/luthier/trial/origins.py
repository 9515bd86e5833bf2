"""Where a trial goes on from once a checkpoint turned out to be bad: the newest of its weights that are good.

A trial's weights are what it saved itself and, before that, what it copied. A copy whose checkpoint is bad
takes the donor's one before; where the donor has none of the same weights, the copy is as if it had never been.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from luthier.trial.records import TrialReported
from luthier.trial.trial_state import Origin, Saved, TrialState


def fall_back(
    trial: TrialState, exploits: Sequence[TrialReported], trials: Mapping[str, TrialState]
) -> tuple[Origin, list[TrialReported]]:
    """Return where a trial goes on from, and all exploits as they count then.

    Args:
        trial: the one that goes on.
        exploits: results with a copy that took effect, oldest first.
        trials: all of them, by name; what they have saved is good.
    """
    counting = list(exploits)
    for copy in [record for record in reversed(exploits) if record.trial == trial.name]:
        own = _newest(trial.saved, after=copy.iteration)
        if own:
            return Origin(own.iteration, own.checkpoint), counting
        step = copy.exploit
        assert step is not None  # noqa: S101 - that is what makes it an exploit
        before = [other.iteration for other in exploits if other.trial == step.donor]
        began = max((iteration for iteration in before if iteration < step.donor_iteration), default=0)
        donors = _newest(trials[step.donor].saved, after=began, upto=step.donor_iteration)
        if donors:
            taken = {"donor_iteration": donors.iteration, "checkpoint": donors.checkpoint}
            counting[counting.index(copy)] = copy.model_copy(update={"exploit": step.model_copy(update=taken)})
            return Origin(copy.iteration, donors.checkpoint), counting
        counting.remove(copy)
    own = _newest(trial.saved)
    return (Origin(own.iteration, own.checkpoint) if own else Origin()), counting


def _newest(saved: Sequence[Saved], *, after: int = 0, upto: float = math.inf) -> Saved | None:
    return next((one for one in reversed(saved) if after < one.iteration <= upto), None)
