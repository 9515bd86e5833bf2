"""The experiment as a value: a fold over the ledger's records, and the decisions that make new ones.

Live and after a restart the same `apply` runs, so the two cannot differ: a new driver reads
the ledger through it and stands where the old one stood. No clock, no engine, no files here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice

from luthier.api.experiment import Budget, Direction, Spec
from luthier.api.status import MESSAGE_CHARACTERS
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
from luthier.trial.retention import superfluous
from luthier.trial.schedulers.scheduler import Decision, Drop, Exploit, Pause, Resume, Scheduler, Stop
from luthier.trial.search.searcher import Ended, Ending, Searcher
from luthier.trial.trial_state import Best, Origin, Saved, State, TrialState

FREE_DISRUPTIONS = 5
"""Lost workers that one trial may have seen before it is blamed for them."""
METRIC_NAMES_KEPT = 256
"""Names of metrics that are remembered; a trial may invent new ones without end."""
ENDINGS = {"Succeeded": State.SUCCEEDED, "Stopped": State.STOPPED, "Failed": State.FAILED}


class Study:
    """All that is known of one experiment, and what follows from it."""

    def __init__(self, spec: Spec, searcher: Searcher, scheduler: Scheduler, write: Callable[[Record], None]) -> None:
        """Make an empty study; `write` takes each new record before anything follows from it."""
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
        self._ended_seconds = 0.0
        self._searcher = searcher
        self._scheduler = scheduler
        self._write = write
        self._earlier_seconds = 0.0
        self._attempt_start = 0.0
        self._last_time = 0.0
        self._is_closed = False
        self._has_budget = False
        self._owed_drops: list[Drop] = []

    # ------------------------------------------------------------------ fold

    def replay(self, records: Iterable[Record]) -> None:
        """Take in the records of earlier attempts; runs that were live then are waiting now."""
        for record in records:
            if isinstance(record, TrialProposed):
                self._searcher.remember(record.trial, dict(record.values))
            elif isinstance(record, TrialReported):
                self._decide(self.trials[record.trial], record)
            self.apply(record)
        self._interrupt()

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

    def _record(self, record: Record) -> None:
        self._write(record)
        self.apply(record)
        while self._owed_drops:
            drop = self._owed_drops.pop(0)
            self._record(
                TrialEnded(time=record.time, trial=drop.trial, ending="Stopped", cause="Scheduler", message=drop.reason)
            )

    def _apply_attempt(self, record: AttemptStarted) -> None:
        self._interrupt()
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

    # ------------------------------------------------------------------ decisions

    def begin(self, attempt: int, generation: int, budget: Budget, now: float) -> None:
        """Start an attempt with the budget as it is in the manifest now."""
        self._record(AttemptStarted(time=now, attempt=attempt, generation=generation))
        self.change_budget(generation, budget, now)

    def change_budget(self, generation: int, budget: Budget, now: float) -> None:
        """Take over an edited budget; the first one is recorded too, since the manifest may say another later."""
        if budget != self.budget or not self._has_budget:
            self._record(BudgetChanged(time=now, generation=generation, budget=budget))
        self.generation = generation

    def next_run(self, now: float) -> TrialState | None:
        """Return a trial that has just been given a slot, or None when no trial can start now."""
        if self.outcome or self._slots_held >= self.budget.parallel_trials:
            return None
        pick = (
            [self._propose, self._next_resumable]
            if self._scheduler.new_first
            else [self._next_resumable, self._propose]
        )
        trial = pick[0](now) or pick[1](now)
        if trial is None:
            return None
        self._record(
            RunStarted(time=now, trial=trial.name, iteration=trial.origin.iteration, checkpoint=trial.origin.checkpoint)
        )
        return trial

    @property
    def can_start(self) -> bool:
        """Whether some trial could start if a slot were free."""
        return bool(self._resumable) or not (self.exhausted or len(self.trials) >= self.budget.trials)

    def _next_resumable(self, now: float) -> TrialState | None:
        ready = (self.trials[name] for name in self._resumable)
        return next((trial for trial in ready if not trial.live), None)

    def _propose(self, now: float) -> TrialState | None:
        if self.exhausted or len(self.trials) >= self.budget.trials:
            return None
        name = f"t{len(self.trials):04d}"
        values = self._searcher.suggest(name)
        if values is None:
            self._record(SpaceExhausted(time=now))
            return None
        self._record(TrialProposed(time=now, trial=name, values=values))
        return self.trials[name]

    def report(self, name: str, metrics: dict[str, float], now: float) -> bool:
        """Take in a result of a live run; return whether the run goes on."""
        trial = self.trials[name]
        if trial.state is not State.RUNNING:
            return False
        if trial.cursor < trial.iteration:  # repeats what was reported before it was interrupted
            trial.cursor += 1
            return True
        broken = [o.metric for o in self.spec.objectives if not math.isfinite(metrics.get(o.metric, 0.0))]
        if broken:
            self._fail(
                trial, "NotFinite", f"{broken[0]} was {metrics[broken[0]]} at iteration {trial.iteration + 1}", now
            )
            return False
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        record = TrialReported(time=now, trial=name, iteration=trial.iteration + 1, metrics=finite)
        self._record(record.model_copy(update=self._decide(trial, record)))
        return trial.state is State.RUNNING

    def _decide(self, trial: TrialState, record: TrialReported) -> dict[str, object]:
        limit = self.budget.iterations_per_trial
        is_last = limit is not None and record.iteration >= limit
        score = self.score(record.metrics)
        if score is None:
            return {"decision": "Complete" if is_last else "Continue"}
        decision = self._scheduler.report(trial.name, record.iteration, score, waiting=self._waiting())
        if is_last:
            return {"decision": "Complete"}
        return self._as_update(trial, decision)

    def _waiting(self) -> int:
        """Number of trials that could start and will not get a slot that is free already."""
        new = 0 if self.exhausted else max(0, self.budget.trials - len(self.trials))
        free = max(0, self.budget.parallel_trials - self.count(State.RUNNING))
        return max(0, len(self._resumable) + new - free)

    def _as_update(self, trial: TrialState, decision: Decision) -> dict[str, object]:
        match decision:
            case Stop():
                return {"decision": "Stop", "reason": decision.reason}
            case Pause():
                return {"decision": "Pause"}
            case Exploit():
                step = self._exploit_step(trial, decision)
                return {"decision": "Exploit", "exploit": step} if step else {"decision": "Continue"}
            case _:
                return {"decision": "Continue"}

    def _exploit_step(self, trial: TrialState, decision: Exploit) -> ExploitStep | None:
        donor = self.trials[decision.donor]
        saved = next((s for s in reversed(donor.saved) if s.iteration == decision.donor_iteration), None)
        if saved is None and donor is not trial:
            return None
        return ExploitStep(
            donor=decision.donor,
            donor_iteration=decision.donor_iteration,
            checkpoint=saved.checkpoint if saved else None,
            values=decision.values,
            changed={name: list(pair) for name, pair in decision.changed.items()},
        )

    def saved(self, name: str, checkpoint: str, now: float) -> None:
        """Take in that a run's checkpoint, made at its last report, is complete on storage.

        What a loser saves after it was told to go on from its donor's is of no more use.
        """
        trial = self.trials[name]
        is_known = any(saved.checkpoint == checkpoint for saved in trial.saved)
        if is_known or trial.state is State.WAITING:
            return
        self._record(CheckpointSaved(time=now, trial=name, iteration=trial.cursor, checkpoint=checkpoint))
        for old in superfluous(trial, self.trials.values()):
            self._record(CheckpointDropped(time=now, trial=name, checkpoint=old.checkpoint))

    def run_ended(self, name: str, now: float, *, is_interrupted: bool = False) -> None:
        """Take in that a run gave its slot back without an error; an interrupted one goes on in another attempt."""
        trial = self.trials[name]
        if trial.state is State.RUNNING and not is_interrupted:
            self._complete(trial, now)
        self._release(trial)

    def run_failed(self, name: str, cause: str, message: str, now: float, *, is_to_blame: bool = True) -> None:
        """Take in that a run ended with an error: it goes on from its last checkpoint while retries are left."""
        trial = self.trials[name]
        self._release(trial)
        if trial.state is not State.RUNNING:
            return
        is_to_blame = is_to_blame or trial.disruptions >= FREE_DISRUPTIONS
        if not is_to_blame or trial.retries < self.spec.trial.retries:
            self._record(
                TrialRetried(
                    time=now, trial=name, cause=cause, message=message[-MESSAGE_CHARACTERS:], counted=is_to_blame
                )
            )
        else:
            self._fail(trial, cause, message, now)

    def _complete(self, trial: TrialState, now: float) -> None:
        if trial.metrics:
            self._record(TrialEnded(time=now, trial=trial.name, ending="Succeeded"))
        elif self.missing_metric and self.metrics_seen:
            names = ", ".join(sorted(self.metrics_seen)[:8])
            self._fail(trial, "NoResult", f"never reported {self.missing_metric}; it reported {names}", now)
        else:
            self._fail(trial, "NoResult", "ended without a report", now)

    def _fail(self, trial: TrialState, cause: str, message: str, now: float) -> None:
        self._record(
            TrialEnded(time=now, trial=trial.name, ending="Failed", cause=cause, message=message[-MESSAGE_CHARACTERS:])
        )

    def _release(self, trial: TrialState) -> None:
        self._slots_held -= trial.live
        trial.live = False

    def finish(self, outcome: Outcome, now: float) -> None:
        """End the experiment: trials that still run or wait are stopped."""
        for trial in list(self.trials.values()):
            if not trial.is_over:
                self._record(
                    TrialEnded(
                        time=now, trial=trial.name, ending="Stopped", cause=outcome.reason, message=outcome.message
                    )
                )
            self._release(trial)
        self._record(Finished(time=now, outcome=outcome))

    # ------------------------------------------------------------------ what it amounts to

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

    @property
    def unfinished(self) -> int:
        """Number of trials that were proposed and may run again."""
        return self.count(State.WAITING, State.RUNNING, State.PAUSED)

    def count(self, *states: State) -> int:
        """Number of trials in any of these states."""
        return sum(len(self._in[state]) for state in states)
