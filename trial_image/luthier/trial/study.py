"""The experiment as a value: what is decided on what trials do, each decision a record before it takes effect.

A new driver reads the ledger through the same fold and stands where the old one stood.
No clock, no engine, no files here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from luthier.api.experiment import Budget, Spec
from luthier.api.status import MESSAGE_CHARACTERS
from luthier.api.wire import Outcome
from luthier.trial.fold import Fold
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
from luthier.trial.schedulers.scheduler import Decision, Exploit, Pause, Scheduler, Stop
from luthier.trial.search.searcher import Searcher
from luthier.trial.trial_state import State, TrialState

FREE_DISRUPTIONS = 5
"""Lost workers that one trial may have seen before it is blamed for them."""


class Study(Fold):
    """One experiment, and what follows from what its trials do."""

    def __init__(self, spec: Spec, searcher: Searcher, scheduler: Scheduler, write: Callable[[Record], None]) -> None:
        """Make an empty study; `write` takes each new record before anything follows from it."""
        super().__init__(spec, searcher, scheduler)
        self._write = write

    def replay(self, records: Iterable[Record]) -> None:
        """Take in the records of earlier attempts; runs that were live then are waiting now."""
        for record in records:
            if isinstance(record, TrialProposed):
                self._searcher.remember(record.trial, dict(record.values))
            elif isinstance(record, TrialReported):
                self._decide(self.trials[record.trial], record)
            self.apply(record)
        self._interrupt()

    def _record(self, record: Record) -> None:
        self._write(record)
        self.apply(record)
        while self._owed_drops:
            drop = self._owed_drops.pop(0)
            self._record(
                TrialEnded(time=record.time, trial=drop.trial, ending="Stopped", cause="Scheduler", message=drop.reason)
            )

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

    def saved(self, name: str, checkpoint: str, now: float) -> None:
        """Take in that a run's checkpoint, made at its last report, is complete on storage.

        What a loser saves after it was told to go on from its donor's is of no more use.
        """
        trial = self.trials[name]
        is_known = any(saved.checkpoint == checkpoint for saved in trial.saved)
        if is_known or trial.state is State.WAITING:
            return
        self._record(CheckpointSaved(time=now, trial=name, iteration=trial.cursor, checkpoint=checkpoint))
        for old in superfluous(trial, self.waiting_or_running()):
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
