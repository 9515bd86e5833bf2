"""What an experiment amounts to: the fold of its ledger's records.

Live and after a restart the same `apply` runs, so the two cannot differ. What is decided stands in
`study`; here it only takes effect. No clock, no engine, no files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice

from luthier.api.experiment import Budget, Direction, Spec, is_raised
from luthier.api.failures import Action, Cause
from luthier.api.status import TOP_TRIALS, RungCount, Waste
from luthier.api.wire import Outcome
from luthier.trial.holdings import Holdings
from luthier.trial.origins import fall_back
from luthier.trial.ranking import Ranking
from luthier.trial.records import (
    SCHEDULER,
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
    WorkerFailed,
)
from luthier.trial.roster import Roster
from luthier.trial.schedulers.scheduler import Drop, Resume, Scheduler
from luthier.trial.search.searcher import Ended, Ending, Searcher
from luthier.trial.tally import Tally
from luthier.trial.trial_state import Best, Origin, Saved, State, TrialState

METRIC_NAMES_KEPT = 256
"""Names of metrics that are remembered; a trial may invent new ones without end."""
ENDINGS = {"Succeeded": State.SUCCEEDED, "Stopped": State.STOPPED, "Failed": State.FAILED}


class Fold(Roster):
    """All that is known of one experiment."""

    def __init__(self, spec: Spec, searcher: Searcher, scheduler: Scheduler) -> None:
        """Make an empty fold; searcher and scheduler are fresh and are taught by what is applied."""
        super().__init__()
        self.spec = spec
        self.budget: Budget = spec.budget
        self.generation = 1
        self.exhausted = False
        self.outcome: Outcome | None = None
        self.ended_budget: Budget | None = None
        self.exploits: list[TrialReported] = []
        self.attempts = 0
        self.last_result_time: float | None = None
        self.metrics_seen: set[str] = set()
        self.missing_metric: str | None = None
        self.failed: list[str] = []
        self.ranking = Ranking()
        self.infeasible: set[str] = set()
        """Those of the failed ones whose failure is put down to their parameters."""
        self.has_any_result = False
        self.failure_counts: Counter[str] = Counter()
        """Bad ends of runs, retried or not, and of worker pods, by class."""
        self.tally = Tally()
        self.final_failure: TrialEnded | WorkerFailed | None = None
        """The failure that ends the experiment."""
        self._worker_failures: set[tuple[str, str]] = set()
        self.at_target: dict[str, None] = {}
        """Trials whose best result is as good as every target that is set."""
        self._holdings = Holdings()
        self._searcher = searcher
        self._scheduler = scheduler
        self._earlier_seconds = 0.0
        self._attempt_start = 0.0
        self._last_time = 0.0
        self._is_closed = False
        self._has_budget = False
        self._limit = spec.budget.iterations_per_trial
        """Iterations at which the scheduler takes trials for complete."""
        self._owed_drops: list[Drop] = []

    def apply(self, record: Record) -> None:  # noqa: C901 - one case a record
        """Take in one record."""
        if isinstance(record, AttemptStarted):
            self._apply_attempt(record)
        self._last_time = record.time
        match record:
            case BudgetChanged():
                self._apply_budget(record)
            case TrialProposed():
                self._join(TrialState(record.trial, dict(record.values)))
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
                self._apply_dropped(record)
            case TrialRetried():
                self._apply_retry(record)
            case WorkerFailed():
                self._apply_worker_failure(record)
            case TrialEnded():
                self._apply_end(self.trials[record.trial], record)
            case Finished():
                self.outcome, self.ended_budget = record.outcome, self.budget
        self._obey_scheduler()

    def _apply_attempt(self, record: AttemptStarted) -> None:
        self._interrupt()
        self._slots_seen = 0
        if self.attempts:
            self._earlier_seconds += max(0.0, self._last_time - self._attempt_start)
        self.attempts += 1
        cause = record.previous_end.partition(":")[0]
        if cause in set(Cause):
            self.failure_counts[cause] += 1
        self._attempt_start = record.time

    def _interrupt(self) -> None:
        """Let the runs of an attempt that is over wait for the next, behind those that waited already."""
        for trial in self.trials.values():
            self._release(trial)
            if trial.state is State.RUNNING:
                self._move(trial, State.WAITING, self._last_time)
                self.tally.lose(trial, Waste.DISRUPTED, self._last_time)
        self._queue_all_waiting()

    def _move(self, trial: TrialState, state: State, time: float) -> None:
        before = trial.state
        super()._move(trial, state, time)
        if State.FAILED in (before, state):  # a failure may take the result away
            self._rank(trial)

    def _apply_budget(self, record: BudgetChanged) -> None:
        self.budget, self.generation, self._has_budget = record.budget, record.generation, True
        if self.ended_budget is not None and record.budget.raised_since(self.ended_budget):
            self._reopen()
        if self.outcome is None and self._limit != record.budget.iterations_per_trial:
            self._resize(self._limit, record.budget.iterations_per_trial)

    def _reopen(self) -> None:
        """Let the trials that stopped only because the experiment ended stand where they stood."""
        self.outcome = self.ended_budget = self.final_failure = None
        for trial in [self.trials[name] for name in self._in[State.STOPPED]]:
            if trial.halted_from is not None:
                self._go_on(trial, State.PAUSED if trial.halted_from is State.PAUSED else State.WAITING)

    def _resize(self, before: int | None, limit: int | None) -> None:
        """Tell the scheduler of another end of trials; where it is later, complete ones go on, best first."""
        self._limit = limit
        done = [self.trials[name] for name in self._in[State.SUCCEEDED]] if is_raised(before, limit) else []
        sooner = [trial for trial in done if trial.is_at_limit and (limit is None or trial.iteration < limit)]
        best_first = sorted(sooner, key=lambda trial: (trial.best is None, -trial.best.score if trial.best else 0.0))
        for name in self._scheduler.resized(limit, [trial.name for trial in best_first]):
            self._go_on(self.trials[name], State.WAITING)

    def _go_on(self, trial: TrialState, state: State) -> None:
        """Undo a trial's end."""
        self._holdings.forget_borrower(trial)
        self._move(trial, state, self._last_time)
        trial.cause = trial.message = trial.halted_from = None
        if state is State.WAITING and trial.name not in self._resumable:
            self._resumable.append(trial.name)

    def _apply_end(self, trial: TrialState, record: TrialEnded) -> None:
        if record.ending == "Stopped" and record.cause != SCHEDULER:
            # The experiment ends. Scheduler and searcher are asked no more, unless it goes on, and this trial with it.
            trial.halted_from = trial.state
            self._holdings.note_borrower(trial)
            self._move(trial, State.STOPPED, record.time)
            trial.cause, trial.message = record.cause, record.message
        else:
            if record.ending == "Failed":
                self._count_failure(record)
                self.tally.checkpoint_failures += record.cause == Cause.STORAGE_FULL
            if record.action is Action.INFEASIBLE:
                self.infeasible.add(record.trial)
            self._end(trial, ENDINGS[record.ending], record.cause, record.message, record.time)

    def _count_failure(self, record: TrialEnded | WorkerFailed) -> None:
        self.failure_counts[record.cause or "Unknown"] += 1
        if record.action is Action.FAIL_EXPERIMENT:
            self.final_failure = self.final_failure or record

    def _apply_worker_failure(self, record: WorkerFailed) -> None:
        self._worker_failures.add((record.worker, record.cause))
        self._count_failure(record)

    def _apply_run(self, record: RunStarted) -> None:
        trial = self.trials[record.trial]
        self._move(trial, State.RUNNING, record.time)
        self._take_slot(trial)
        trial.since = trial.safe_since = record.time
        trial.cause = trial.message = None
        trial.cursor = record.iteration
        trial.origin = Origin(record.iteration, record.checkpoint)
        trial.began_with = record.checkpoint

    def _apply_report(self, record: TrialReported) -> None:
        trial = self.trials[record.trial]
        trial.cursor = trial.iteration = record.iteration
        trial.disruptions = 0
        self.last_result_time = record.time
        self._look_at_names(record.metrics)
        score = self.score(record.metrics)
        if score is not None:
            self.has_any_result = True
            trial.metrics, trial.last_iteration = dict(record.metrics), record.iteration
            if trial.best is None or score > trial.best.score:
                trial.best = Best(score, record.iteration, dict(record.metrics), dict(trial.values))
                self._rank(trial)
                if self.ranking.top(1) == [trial.name]:
                    self.tally.improved_at = record.time
        if record.decision == "Complete":
            trial.complete_at = record.iteration
            self._holdings.note_borrower(trial)
            if record.exploit is not None:  # a change that is due after the end: it counts once the end is moved
                trial.values = dict(record.exploit.values)
            self._end(trial, State.SUCCEEDED, None, None, record.time)
        elif record.decision == "Stop":
            self._end(trial, State.STOPPED, SCHEDULER, record.reason, record.time)
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
            self.tally.count_exploit(trial, self.trials[step.donor], step)
        self._resumable.append(trial.name)

    def _apply_saved(self, record: CheckpointSaved) -> None:
        trial = self.trials[record.trial]
        trial.saved.append(Saved(record.iteration, record.checkpoint, trial.seconds_at(record.time)))
        trial.safe_since = record.time
        self.tally.count_checkpoint(record)
        self._holdings.add(trial, record.checkpoint)
        trial.origin = Origin(record.iteration, record.checkpoint)
        self._scheduler.saved(record.trial, record.iteration)

    def _apply_dropped(self, record: CheckpointDropped) -> None:
        owner = self.trials[record.trial]
        self._holdings.drop(owner, record.checkpoint)
        if record.reason is None:
            return
        self.tally.checkpoint_failures += 1
        self._scheduler.lost(owner.name, owner.saved[-1].iteration if owner.saved else 0)
        for trial in {trial.name: trial for trial in (owner, *self.needing_their_origin())}.values():
            if trial.origin.checkpoint == record.checkpoint:
                trial.origin, self.exploits = fall_back(trial, self.exploits, self.trials)

    def _apply_retry(self, record: TrialRetried) -> None:
        trial = self.trials[record.trial]
        trial.retries += record.counted
        trial.disruptions += not record.counted
        self.failure_counts[record.cause] += 1
        trial.cause, trial.message = record.cause, record.message
        self._move(trial, State.WAITING, record.time)
        self.tally.count_retry(trial, record)
        if not record.counted:  # its slot may be lost with the worker; a run that starts shows that it is not
            self._slots_seen = self.count(State.RUNNING)
        self._resumable.append(trial.name)

    def _end(self, trial: TrialState, state: State, cause: str | None, message: str | None, time: float) -> None:
        self._move(trial, state, time)
        self.tally.settle(trial)
        self._holdings.touch(trial)
        trial.cause, trial.message = cause, message
        self._unqueue(trial)
        self._owed_drops = [drop for drop in self._owed_drops if drop.trial != trial.name]
        if state is State.FAILED:
            self.failed.append(trial.name)
        self._scheduler.ended(trial.name)
        self._searcher.observe(trial.name, self._told(trial))

    def _rank(self, trial: TrialState) -> None:
        best = trial.best if trial.has_result else None
        self.ranking.put(trial.name, best.score if best else None)
        targets = [objective for objective in self.spec.objectives if objective.target is not None]
        if best and targets and all(o.is_reached(best.metrics[o.metric]) for o in targets):
            self.at_target[trial.name] = None
        else:
            self.at_target.pop(trial.name, None)
        self._holdings.show(trial, set(self.ranking.top(TOP_TRIALS)))

    def _told(self, trial: TrialState) -> Ended:
        if not trial.has_result:
            return Ended(Ending.INFEASIBLE if trial.name in self.infeasible else Ending.FAILED)
        ending = Ending.COMPLETED if trial.state is State.SUCCEEDED else Ending.STOPPED
        return Ended(ending, trial.last_iteration, tuple(trial.metrics[o.metric] for o in self.spec.objectives))

    def _obey_scheduler(self) -> None:
        """Tell whether more will come and take its orders; after the end nobody could follow them."""
        if self.outcome is None:
            self._close_if_full()
            self._collect_orders()

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

    def rung_counts(self) -> list[RungCount]:
        """Promotions and stops at the scheduler's rungs, lowest first; none where it has no rungs."""
        return self._scheduler.rung_counts()

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler, for whoever shows what it knows."""
        return self._scheduler

    @property
    def checkpoints(self) -> Collection[str]:
        """Paths of the checkpoints that are there."""
        return self._holdings.checkpoints

    def is_shown(self, name: str) -> bool:
        """Whether a trial is shown with its checkpoint; of several objectives' front anyone may be again."""
        return self._holdings.is_shown(name) or (len(self.spec.objectives) > 1 and self.trials[name].has_result)

    def needing_their_origin(self) -> Iterator[TrialState]:
        """Yield the trials that may run again, and ended ones that could go on only with what is another's.

        Their number is the population's or the slots', not all trials'.
        """
        yield from self.not_over()
        yield from (self.trials[name] for name in self._holdings.borrowers)
