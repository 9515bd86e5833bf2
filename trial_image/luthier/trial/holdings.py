"""Which checkpoints there are and whose, who has a claim on another's, and where some may have become superfluous."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from luthier.trial.trial_state import TrialState


class Holdings:
    """The checkpoints of one experiment, by their paths."""

    def __init__(self) -> None:
        """Begin with none."""
        self._owners: dict[str, str] = {}
        """Whose each checkpoint is."""
        self._borrowers: dict[str, None] = {}
        """Trials that have ended and, should they go on, would begin with what they copied from another."""
        self._shown: set[str] = set()
        self._touched: dict[str, None] = {}
        """Trials whose checkpoints may have become superfluous."""

    @property
    def checkpoints(self) -> Collection[str]:
        """Paths of those that are there."""
        return self._owners.keys()

    @property
    def borrowers(self) -> Iterable[str]:
        """Names of the trials that have ended and would go on from what is another's."""
        return self._borrowers

    def owner_of(self, checkpoint: str | None) -> str | None:
        """Return whose a checkpoint is; None if there is none like that."""
        return self._owners.get(checkpoint or "")

    def add(self, trial: TrialState, checkpoint: str) -> None:
        """Take note of a new one; what the trial went on from until now may go."""
        self._owners[checkpoint] = trial.name
        self.touch(trial)

    def drop(self, trial: TrialState, checkpoint: str) -> None:
        """Forget one of a trial's."""
        self._owners.pop(checkpoint, None)
        trial.saved = [saved for saved in trial.saved if saved.checkpoint != checkpoint]

    def touch(self, trial: TrialState) -> None:
        """Take note that checkpoints of a trial, or what it went on from, may not be needed any more."""
        self._touched[trial.name] = None
        owner = self.owner_of(trial.origin.checkpoint)
        if owner:
            self._touched[owner] = None

    def show(self, trial: TrialState, shown: set[str]) -> None:
        """Take note that a trial's rank has changed, and of the trials that are shown with their checkpoints now."""
        self._touched |= dict.fromkeys([trial.name, *sorted(self._shown - shown)])
        self._shown = shown

    def is_shown(self, name: str) -> bool:
        """Whether a trial is among those that are shown."""
        return name in self._shown

    def note_borrower(self, trial: TrialState) -> None:
        """Take note of a trial that ends, if it would go on from what is another's."""
        own = {saved.checkpoint for saved in trial.saved}
        if trial.origin.checkpoint is not None and trial.origin.checkpoint not in own:
            self._borrowers[trial.name] = None

    def forget_borrower(self, trial: TrialState) -> None:
        """Take note that a trial goes on: now it has a claim like any other."""
        self._borrowers.pop(trial.name, None)

    def take_touched(self) -> Iterator[str]:
        """Yield, once, the trials whose checkpoints may have become superfluous."""
        touched, self._touched = self._touched, {}
        yield from touched
