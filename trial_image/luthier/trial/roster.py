"""All trials by where they stand: who runs and holds a slot, who waits and in which order, how long they ran."""

from __future__ import annotations

from collections.abc import Iterator

from luthier.trial.trial_state import State, TrialState


class Roster:
    """The trials of one experiment; what makes them move is decided elsewhere."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.trials: dict[str, TrialState] = {}
        self._in: dict[State, dict[str, None]] = {state: {} for state in State}
        self._resumable: list[str] = []
        """Trials that wait for a slot to go on, the next one first."""
        self._slots_held = 0
        self._slots_seen = 0
        """Trials that ran at the same time in this attempt; there may be fewer workers than parallel trials."""
        self._ended_seconds = 0.0

    def _join(self, trial: TrialState) -> None:
        self.trials[trial.name] = trial
        self._in[trial.state][trial.name] = None

    def _move(self, trial: TrialState, state: State, time: float) -> None:
        if trial.state is State.RUNNING:
            seconds = max(0.0, time - trial.since)
            trial.seconds += seconds
            self._ended_seconds += seconds
        del self._in[trial.state][trial.name]
        self._in[state][trial.name] = None
        trial.state = state

    def _take_slot(self, trial: TrialState) -> None:
        """Let a trial that runs now hold a slot."""
        self._slots_held += not trial.live
        self._slots_seen = max(self._slots_seen, self.count(State.RUNNING))
        trial.live = True
        self._unqueue(trial)

    def _release(self, trial: TrialState) -> None:
        self._slots_held -= trial.live
        trial.live = False

    def _unqueue(self, trial: TrialState) -> None:
        if trial.name in self._resumable:
            self._resumable.remove(trial.name)

    def _queue_all_waiting(self) -> None:
        """Queue the waiting trials that are not queued yet, behind those that are."""
        queued = set(self._resumable)
        self._resumable += [name for name in self._in[State.WAITING] if name not in queued]

    def trial_seconds(self, now: float) -> float:
        """Seconds that trials ran, added up."""
        running = (self.trials[name] for name in self._in[State.RUNNING])
        return self._ended_seconds + sum(max(0.0, now - trial.since) for trial in running)

    def not_over(self) -> Iterator[TrialState]:
        """Yield the trials that may run again."""
        for state in (State.WAITING, State.RUNNING, State.PAUSED):
            yield from (self.trials[name] for name in self._in[state])

    @property
    def unfinished(self) -> int:
        """Number of trials that were proposed and may run again."""
        return self.count(State.WAITING, State.RUNNING, State.PAUSED)

    def named(self, state: State) -> Iterator[str]:
        """Yield the names of the trials in a state."""
        yield from self._in[state]

    def count(self, *states: State) -> int:
        """Number of trials in any of these states."""
        return sum(len(self._in[state]) for state in states)
