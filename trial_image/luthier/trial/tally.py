"""What an experiment did and what it cost in vain: numbers that only grow, folded from the ledger like all else.

A trial's seconds are settled when they are known to have been worth something or not: at its end, and when a run
is lost and what it had not saved is done again. What is settled once is not counted again.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from luthier.api.failures import Cause
from luthier.api.status import Waste
from luthier.trial.records import CheckpointSaved, ExploitStep, TrialRetried
from luthier.trial.trial_state import State, TrialState


class Tally:
    """Counts of one experiment."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.improved_at: float | None = None
        """When a result last was better than all before it; seconds since the epoch."""
        self.wasted: defaultdict[str, float] = defaultdict(float)
        """Seconds that trials held a slot in vain, by cause."""
        self.exploits = 0
        self.explores = 0
        self.checkpoints = 0
        self.checkpoint_bytes = 0
        self.checkpoint_seconds = 0.0
        self.checkpoint_failures = 0
        self.retries: Counter[str] = Counter()
        """By class of failure."""

    def count_exploit(self, trial: TrialState, donor: TrialState, step: ExploitStep) -> None:
        """Count a copy of a donor's weights: what the trial has trained itself is given up, what the donor had trained
        by then goes on in it."""
        self.exploits += 1
        self.explores += bool(step.changed)
        self._waste(trial, Waste.EXPLOITED, trial.seconds - trial.settled)
        taken = next((saved for saved in donor.saved if saved.checkpoint == step.checkpoint), None)
        if taken:
            donor.settled = max(donor.settled, taken.seconds)

    def count_checkpoint(self, record: CheckpointSaved) -> None:
        """Count a complete checkpoint and what it took."""
        self.checkpoints += 1
        self.checkpoint_bytes += record.bytes
        self.checkpoint_seconds += record.seconds

    def count_retry(self, trial: TrialState, record: TrialRetried) -> None:
        """Count a run that failed and goes on from its trial's last checkpoint."""
        self.retries[record.cause] += 1
        self.checkpoint_failures += record.cause == Cause.STORAGE_FULL
        self.lose(trial, Waste.FAILED if record.counted else Waste.DISRUPTED, record.time)

    def lose(self, trial: TrialState, cause: Waste, time: float) -> None:
        """Count what a run did since its last checkpoint: it is done again, or never."""
        self._waste(trial, cause, max(0.0, time - trial.safe_since))

    def settle(self, trial: TrialState) -> None:
        """Account for a trial that has just ended."""
        if trial.state is State.SUCCEEDED:
            trial.settled = trial.seconds
        else:
            cause = Waste.FAILED if trial.state is State.FAILED else Waste.EARLY_STOPPED
            self._waste(trial, cause, trial.seconds - trial.settled)

    def _waste(self, trial: TrialState, cause: Waste, seconds: float) -> None:
        seconds = min(seconds, trial.seconds - trial.settled)
        if seconds > 0:
            trial.settled += seconds
            self.wasted[cause] += seconds
