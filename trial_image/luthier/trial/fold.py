"""What an experiment amounts to: the fold of its ledger's records.

Live and after a restart the same `apply` runs, so the two cannot differ. What is decided stands in
`study`; here it only takes effect. No clock, no engine, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from luthier.api.experiment import Budget, Direction, Spec
from luthier.api.wire import Outcome
from luthier.trial.records import (
    AttemptStarted,
    BudgetChanged,
    CheckpointDropped,
    CheckpointSaved,
    ExploitStep,
    Finished,
    Record,
    RunStarted,
    SpaceExhausted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
)
from luthier.trial.schedulers.scheduler import Drop, Resume, Scheduler
from luthier.trial.search.searcher import Ended, Ending, Searcher
from luthier.trial.trial_state import Best, Origin, Saved, State, TrialState

METRIC_NAMES_KEPT = 256
"""Names of metrics that are remembered; a trial may invent new ones without end."""
ENDINGS = {"Succeeded": State.SUCCEEDED, "Stopped": State.STOPPED, "Failed": State.FAILED}


class Fold:
    """All that is known of one experiment."""

    def __init__(self, spec: Spec, searcher: Searcher, scheduler: Scheduler) -> None:
        """Make an empty fold; searcher and scheduler are fresh and are taught by what is applied."""
        self.spec = spec
        self.budget: Budget = spec.budget
        self.generation = 1
        self.trials: dict[str, TrialState] = {}
        self.exhausted = False
        self.outcome: Outcome | None = None
        self.exploits: list[TrialReported] = []
        self.attempts = 0
        self.last_result_time: float | None = None
        self.metrics_seen: set[str] = set()
        self.missing_metric: str | None = None
        self.failed: list[str] = []
        self._resumable: list[str] = []
        self._in: dict[State, dict[str, None]] = {state: {} for state in State}
        self._slots_held = 0
        self._slots_seen = 0
        """Trials that ran at the same time in this attempt; there may be fewer workers than parallel trials."""
        self._ended_seconds = 0.0
        self._searcher = searcher
        self._scheduler = scheduler
        self._earlier_seconds = 0.0
        self._attempt_start = 0.0
        self._last_time = 0.0
        self._is_closed = False
        self._has_budget = False
        self._owed_drops: list[Drop] = []

    def apply(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, AttemptStarted):
            self._apply_attempt(record)
        self._last_time = record.time
        match record:
            case BudgetChanged():
                self.budget, self.generation, self._has_budget = record.budget, record.generation, True
            case TrialProposed():
                self.trials[record.trial] = TrialState(record.trial, dict(record.values))
                self._in[State.WAITING][record.trial] = None
                self._scheduler.added(record.trial, dict(record.values))
            case SpaceExhausted():
                self.exhausted = True
            case RunStarted():
                self._apply_run(record)
            case TrialReported():
                self._apply_report(record)
            case CheckpointSaved():
                self._apply_saved(record)
            case CheckpointDropped():
                trial = self.trials[record.trial]
                trial.saved = [saved for saved in trial.saved if saved.checkpoint != record.checkpoint]
            case TrialRetried():
                self._apply_retry(record)
            case TrialEnded():
                self._end(self.trials[record.trial], ENDINGS[record.ending], record.cause, record.message, record.time)
            case Finished():
                self.outcome = record.outcome
        self._close_if_full()
        self._collect_orders()

    def _apply_attempt(self, record: AttemptStarted) -> None:
        self._interrupt()
        self._slots_seen = 0
        if self.attempts:
            self._earlier_seconds += max(0.0, self._last_time - self._attempt_start)
        self.attempts += 1
        self._attempt_start = record.time

    def _interrupt(self) -> None:
        """Let the runs of an attempt that is over wait for the next, behind those that waited already."""
        for trial in self.trials.values():
            self._release(trial)
            if trial.state is State.RUNNING:
                self._move(trial, State.WAITING, self._last_time)
        queued = set(self._resumable)
        self._resumable += [name for name in self._in[State.WAITING] if name not in queued]

    def _move(self, trial: TrialState, state: State, time: float) -> None:
        if trial.state is State.RUNNING:
            seconds = max(0.0, time - trial.since)
            trial.seconds += seconds
            self._ended_seconds += seconds
        del self._in[trial.state][trial.name]
        self._in[state][trial.name] = None
        trial.state = state

    def _apply_run(self, record: RunStarted) -> None:
        trial = self.trials[record.trial]
        self._move(trial, State.RUNNING, record.time)
        self._slots_held += not trial.live
        self._slots_seen = max(self._slots_seen, self.count(State.RUNNING))
        trial.live, trial.since = True, record.time
        trial.cursor = record.iteration
        trial.origin = Origin(record.iteration, record.checkpoint)
        if record.trial in self._resumable:
            self._resumable.remove(record.trial)

    def _apply_report(self, record: TrialReported) -> None:
        trial = self.trials[record.trial]
        trial.cursor = trial.iteration = record.iteration
        self.last_result_time = record.time
        self._look_at_names(record.metrics)
        score = self.score(record.metrics)
        if score is not None:
            trial.metrics, trial.last_iteration = dict(record.metrics), record.iteration
            if trial.best is None or score > trial.best.score:
                trial.best = Best(score, record.iteration, dict(record.metrics), dict(trial.values))
        if record.decision == "Complete":
            self._end(trial, State.SUCCEEDED, None, None, record.time)
        elif record.decision == "Stop":
            self._end(trial, State.STOPPED, "Scheduler", record.reason, record.time)
        elif record.decision == "Pause":
            self._move(trial, State.PAUSED, record.time)
        elif record.exploit is not None:
            self._apply_exploit(trial, record, record.exploit)

    def _apply_exploit(self, trial: TrialState, record: TrialReported, step: ExploitStep) -> None:
        trial.values = dict(step.values)
        if step.donor == trial.name:  # no copy: it goes on from what it saves now, as after a pause
            self._move(trial, State.PAUSED, record.time)
        else:
            trial.origin = Origin(record.iteration, step.checkpoint)
            self._move(trial, State.WAITING, record.time)
            self.exploits.append(record)
        self._resumable.append(trial.name)

    def _apply_saved(self, record: CheckpointSaved) -> None:
        trial = self.trials[record.trial]
        trial.saved.append(Saved(record.iteration, record.checkpoint))
        trial.origin = Origin(record.iteration, record.checkpoint)
        self._scheduler.saved(record.trial, record.iteration)

    def _apply_retry(self, record: TrialRetried) -> None:
        trial = self.trials[record.trial]
        trial.retries += record.counted
        trial.disruptions += not record.counted
        trial.cause, trial.message = record.cause, record.message
        self._move(trial, State.WAITING, record.time)
        if not record.counted:  # its slot may be lost with the worker; a run that starts shows that it is not
            self._slots_seen = self.count(State.RUNNING)
        self._resumable.append(trial.name)

    def _end(self, trial: TrialState, state: State, cause: str | None, message: str | None, time: float) -> None:
        self._move(trial, state, time)
        trial.cause, trial.message = cause, message
        if trial.name in self._resumable:
            self._resumable.remove(trial.name)
        self._owed_drops = [drop for drop in self._owed_drops if drop.trial != trial.name]
        if state is State.FAILED:
            self.failed.append(trial.name)
        self._scheduler.ended(trial.name)
        self._searcher.observe(trial.name, self._told(trial))

    def _told(self, trial: TrialState) -> Ended:
        if trial.state is State.FAILED or not trial.metrics:
            return Ended(Ending.FAILED)
        ending = Ending.COMPLETED if trial.state is State.SUCCEEDED else Ending.STOPPED
        return Ended(ending, trial.last_iteration, tuple(trial.metrics[o.metric] for o in self.spec.objectives))

    def _collect_orders(self) -> None:
        for order in self._scheduler.orders():
            trial = self.trials[order.trial]
            if trial.state is not State.PAUSED:
                continue
            if isinstance(order, Resume):
                self._resumable.append(order.trial)
            else:
                self._owed_drops.append(order)

    def _close_if_full(self) -> None:
        full = self.exhausted or len(self.trials) >= self.budget.trials
        if full and not self._is_closed:
            self._scheduler.closed()
        self._is_closed = full

    def _look_at_names(self, metrics: dict[str, float]) -> None:
        room = max(0, METRIC_NAMES_KEPT - len(self.metrics_seen))
        self.metrics_seen |= {o.metric for o in self.spec.objectives if o.metric in metrics} | {*islice(metrics, room)}
        absent = [o.metric for o in self.spec.objectives if o.metric not in self.metrics_seen]
        self.missing_metric = absent[0] if absent else None

    def _release(self, trial: TrialState) -> None:
        self._slots_held -= trial.live
        trial.live = False

    def score(self, metrics: dict[str, float]) -> float | None:
        """Return the primary objective with larger being better, or None when an objective is absent."""
        if any(o.metric not in metrics for o in self.spec.objectives):
            return None
        primary = self.spec.objectives[0]
        value = metrics[primary.metric]
        return value if primary.direction is Direction.MAXIMIZE else -value

    def running_seconds(self, now: float) -> float:
        """Seconds that attempts ran, the time between them left out."""
        return self._earlier_seconds + (max(0.0, now - self._attempt_start) if self.attempts else 0.0)

    def trial_seconds(self, now: float) -> float:
        """Seconds that trials ran, added up."""
        running = (self.trials[name] for name in self._in[State.RUNNING])
        return self._ended_seconds + sum(max(0.0, now - trial.since) for trial in running)

    def waiting_or_running(self) -> Iterator[TrialState]:
        """Yield the trials that may run again; their number is the population's or the slots', not all trials'."""
        for state in (State.WAITING, State.RUNNING, State.PAUSED):
            yield from (self.trials[name] for name in self._in[state])

    @property
    def unfinished(self) -> int:
        """Number of trials that were proposed and may run again."""
        return self.count(State.WAITING, State.RUNNING, State.PAUSED)

    def count(self, *states: State) -> int:
        """Number of trials in any of these states."""
        return sum(len(self._in[state]) for state in states)
