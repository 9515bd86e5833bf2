"""The experiment as a value: what is decided on what trials do, each decision a record before it takes effect.

A new driver reads the ledger through the same fold and stands where the old one stood.
No clock, no engine, no files here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from luthier.api.experiment import Budget, Spec
from luthier.api.failures import OF_PODS, Action, Cause, action_for
from luthier.api.status import MESSAGE_CHARACTERS
from luthier.api.wire import Outcome, WorkerFact
from luthier.trial.fold import Fold
from luthier.trial.records import (
    SCHEDULER,
    AttemptStarted,
    BudgetChanged,
    CheckpointDropped,
    CheckpointSaved,
    ExploitStep,
    Finished,
    Record,
    RunPlaced,
    RunStarted,
    SpaceExhausted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
    WorkerFailed,
)
from luthier.trial.retention import superfluous
from luthier.trial.schedulers.scheduler import Decision, Exploit, Pause, Scheduler, Stop
from luthier.trial.search.searcher import Searcher
from luthier.trial.trial_state import State, TrialState

FREE_DISRUPTIONS = 5
"""Retries in a row, without a new result between them, that are free; the next one is counted."""
ENDING_BY_THEMSELVES = frozenset({Cause.BAD_CHECKPOINT, Cause.STORAGE_FULL})
"""Nobody is ever blamed for these: checkpoints run out, and what finds no room rests until there is some."""


class Study(Fold):
    """One experiment, and what follows from what its trials do."""

    def __init__(self, spec: Spec, searcher: Searcher, scheduler: Scheduler, write: Callable[[Record], None]) -> None:
        """Make an empty study; `write` takes each new record before anything follows from it."""
        super().__init__(spec, searcher, scheduler)
        self._write = write

    def replay(self, records: Iterable[Record]) -> None:
        """Take in the records of earlier attempts; runs that were live then are waiting now."""
        for record in records:
            self.take_in(record)
        self._interrupt()

    def take_in(self, record: Record) -> None:
        """Take in what another study wrote, and teach searcher and scheduler as they were taught when it did."""
        if isinstance(record, TrialProposed):
            self._searcher.remember(record.trial, dict(record.values))
        elif isinstance(record, TrialReported):
            self._decide(self.trials[record.trial], record)
        self.apply(record)

    def _record(self, record: Record) -> None:
        self._write(record)
        self.apply(record)
        while self._owed_drops:
            drop = self._owed_drops.pop(0)
            self._record(
                TrialEnded(time=record.time, trial=drop.trial, ending="Stopped", cause=SCHEDULER, message=drop.reason)
            )
        self._drop_superfluous(record.time)

    def begin(
        self,
        attempt: int,
        generation: int,
        budget: Budget,
        now: float,
        previous_end: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start an attempt with the budget as it is in the manifest now, and with how the one before it was lost."""
        self._record(
            AttemptStarted(
                time=now,
                attempt=attempt,
                generation=generation,
                previous_end=previous_end,
                environment=dict(environment),
            )
        )
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

    def placed(self, name: str, worker: str, now: float) -> None:
        """Take in that a live run has a process on a worker, known by its pod's name or its address."""
        if self.trials[name].state is State.RUNNING:
            self._record(RunPlaced(time=now, trial=name, worker=worker))

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
            said = f"{broken[0]} was {metrics[broken[0]]} at iteration {trial.iteration + 1}"
            self._follow(trial, Cause.NOT_FINITE, said, now)
            return False
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        record = TrialReported(time=now, trial=name, iteration=trial.iteration + 1, metrics=finite)
        self._record(record.model_copy(update=self._decide(trial, record)))
        if self._is_at_its_end(trial) and trial.state is State.RUNNING:
            self._complete(trial, now)
        return trial.state is State.RUNNING

    def _decide(self, trial: TrialState, record: TrialReported) -> dict[str, object]:
        limit = self.budget.iterations_per_trial
        is_last = limit is not None and record.iteration >= limit
        score = self.score(record.metrics)
        if score is None:
            return {"decision": "Complete" if is_last and trial.metrics else "Continue"}
        decision = self._scheduler.report(trial.name, record.iteration, score, waiting=self._waiting())
        update = self._as_update(trial, decision)
        return update if not is_last else {"decision": "Complete", "exploit": update.get("exploit")}

    def _is_at_its_end(self, trial: TrialState) -> bool:
        limit = self.budget.iterations_per_trial
        return limit is not None and trial.iteration >= limit

    def _waiting(self) -> int:
        """Number of trials that could start and will not get a slot that is free already."""
        new = 0 if self.exhausted else max(0, self.budget.trials - len(self.trials))
        free = max(0, min(self._slots_seen, self.budget.parallel_trials) - self.count(State.RUNNING))
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

    def saved(self, name: str, checkpoint: str, now: float, *, size: int = 0, seconds: float = 0.0) -> None:
        """Take in that a run's checkpoint, made at its last report, is complete on storage: its bytes, and how long
        they took.

        What a loser saves after it was told to go on from its donor's is of no more use, and what a run saves
        that has just reported NaN holds NaN.
        """
        trial = self.trials[name]
        is_known = any(saved.checkpoint == checkpoint for saved in trial.saved)
        is_given_up = trial.state is State.WAITING and trial.cursor <= trial.origin.iteration
        is_spoilt = trial.state is not State.RUNNING and trial.cause == Cause.NOT_FINITE
        if (is_given_up or is_spoilt) and not is_known:
            self._record(CheckpointDropped(time=now, trial=name, checkpoint=checkpoint))
        elif not is_known:
            iteration = trial.cursor
            self._record(
                CheckpointSaved(
                    time=now, trial=name, iteration=iteration, checkpoint=checkpoint, bytes=size, seconds=seconds
                )
            )

    def _drop_superfluous(self, now: float) -> None:
        touched = [self.trials[name] for name in self._holdings.take_touched()]
        found = [(trial, old) for trial in touched for old in superfluous(trial, is_shown=self.is_shown(trial.name))]
        wanted = {trial.origin.checkpoint for trial in self.needing_their_origin()} if found else ()
        for trial, old in found:
            if old.checkpoint not in wanted:
                self._record(CheckpointDropped(time=now, trial=trial.name, checkpoint=old.checkpoint))

    def run_ended(self, name: str, now: float, *, is_interrupted: bool = False) -> None:
        """Take in that a run gave its slot back without an error; an interrupted one goes on in another attempt."""
        trial = self.trials[name]
        if trial.state is State.RUNNING and not is_interrupted:
            self._complete(trial, now)
        self._release(trial)

    def run_failed(self, name: str, cause: Cause, message: str, now: float) -> None:
        """Take in that a run ended badly; what follows is the retry policy's."""
        trial = self.trials[name]
        self._release(trial)
        if trial.state is not State.RUNNING:
            return
        if cause is Cause.BAD_CHECKPOINT:
            self._drop_bad(trial, message, now)
        self._follow(trial, cause, message, now)

    def worker_failed(self, fact: WorkerFact, now: float) -> None:
        """Take in that a worker pod can't be had; other ends of pods show in the runs that they cost."""
        if fact.cause not in OF_PODS or (fact.name, fact.cause) in self._worker_failures or self.outcome:
            return
        action = action_for(self.spec.trial.retry_policy, fact.cause)
        self._record(
            WorkerFailed(time=now, worker=fact.name, cause=fact.cause, message=_last(fact.message), action=action)
        )

    def _follow(self, trial: TrialState, cause: Cause, message: str, now: float) -> None:
        """Do what the retry policy says: the trial goes on from its last checkpoint, or has failed."""
        action = action_for(self.spec.trial.retry_policy, cause)
        is_long_lost = trial.disruptions >= FREE_DISRUPTIONS and cause not in ENDING_BY_THEMSELVES
        if action is Action.RETRY_FREE and is_long_lost:
            action = Action.RETRY
        is_retried = action is Action.RETRY_FREE or (action is Action.RETRY and trial.retries < self.spec.trial.retries)
        if is_retried:
            counted = action is Action.RETRY
            self._record(TrialRetried(time=now, trial=trial.name, cause=cause, message=_last(message), counted=counted))
        else:
            self._record(
                TrialEnded(
                    time=now, trial=trial.name, ending="Failed", cause=cause, message=_last(message), action=action
                )
            )

    def _drop_bad(self, trial: TrialState, reason: str, now: float) -> None:
        """Drop what a run could not go on from, unless another run has found out already."""
        bad = trial.began_with
        if bad is None or bad != trial.origin.checkpoint:
            return
        owner = self._holdings.owner_of(bad) or trial.name
        self._record(CheckpointDropped(time=now, trial=owner, checkpoint=bad, reason=_last(reason)))

    def _complete(self, trial: TrialState, now: float) -> None:
        if trial.metrics:
            self._record(TrialEnded(time=now, trial=trial.name, ending="Succeeded"))
        elif self.missing_metric and self.metrics_seen:
            names = ", ".join(sorted(self.metrics_seen)[:8])
            self._follow(trial, Cause.NO_RESULT, f"never reported {self.missing_metric}; it reported {names}", now)
        else:
            self._follow(trial, Cause.NO_RESULT, "ended without a report", now)

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


def as_begun(spec: Spec, records: Iterable[Record]) -> Spec:
    """Return the spec with the budget that the experiment began with: its scheduler was built for that one."""
    first = next((record.budget for record in records if isinstance(record, BudgetChanged)), spec.budget)
    return spec.model_copy(update={"budget": first})


def _last(message: str) -> str:
    """Return the end of an error, where its cause stands."""
    return message[-MESSAGE_CHARACTERS:]
