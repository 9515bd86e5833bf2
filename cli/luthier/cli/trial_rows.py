"""All trials of an experiment as rows, from the ledger's records alone.

The runtime's own fold knows more, and needs its libraries; a table on a laptop that only has kubectl needs neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from luthier.api.experiment import Budget, Direction, Objective
from luthier.api.parameters import Scalar
from luthier.trial.records import (
    SCHEDULER,
    AttemptStarted,
    BudgetChanged,
    CheckpointDropped,
    CheckpointSaved,
    Finished,
    Record,
    RunStarted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
)

AFTER = {"Complete": "Succeeded", "Stop": "Stopped", "Pause": "Paused", "Exploit": "Waiting"}
"""State that follows a decision."""


@dataclass
class TrialRow:
    """One trial."""

    trial: str
    parameters: dict[str, Scalar]
    """As they are now; a population's change."""
    state: str = "Waiting"
    """Waiting, Running, Paused, Succeeded, Stopped or Failed."""
    iteration: int = 0
    """Reports that count."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The last report's."""
    best: float | None = None
    """Best value of the primary objective."""
    best_iteration: int = 0
    seconds: float = 0.0
    """For which it held a slot, up to the last record."""
    retries: int = 0
    copies: list[str] = field(default_factory=list)
    """Trials whose weights it took over, oldest first."""
    cause: str = ""
    """Class of its failure, or why it ended early."""
    message: str = ""
    saved: list[CheckpointSaved] = field(default_factory=list)
    """Complete checkpoints that are kept, oldest first."""
    since: float | None = None
    """When its present run began."""

    @property
    def checkpoints(self) -> list[str]:
        """Paths of the complete checkpoints that are kept, oldest first."""
        return [record.checkpoint for record in self.saved]

    @property
    def best_checkpoint(self) -> str | None:
        """The newest checkpoint at or before its best result, or else the oldest that is left."""
        before = [record.checkpoint for record in self.saved if record.iteration <= self.best_iteration]
        return before[-1] if before else next(iter(self.checkpoints), None)

    def to_json(self) -> dict[str, Any]:
        """Return the row for other programs."""
        return {
            "trial": self.trial,
            "state": self.state,
            "iteration": self.iteration,
            "best": self.best,
            "bestIteration": self.best_iteration,
            "metrics": self.metrics,
            "parameters": self.parameters,
            "seconds": round(self.seconds, 3),
            "retries": self.retries,
            "copiedFrom": self.copies,
            "cause": self.cause or None,
            "message": self.message or None,
            "checkpoints": self.checkpoints,
        }


def trial_rows(records: Iterable[Record], objectives: Sequence[Objective]) -> list[TrialRow]:
    """Return the trials in the order in which they were proposed."""
    table = TrialTable(objectives)
    for record in records:
        table.apply(record)
    return table.rows()


class TrialTable:
    """The rows as the records come."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._rows: dict[str, TrialRow] = {}
        self._objectives = objectives
        self._budget: Budget | None = None
        self._ended_budget: Budget | None = None
        self._halted: dict[str, str] = {}
        """State before the end of those that the experiment's end stopped."""
        self._time = 0.0

    def apply(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, AttemptStarted):
            self._interrupt()
        self._time = record.time
        match record:
            case TrialProposed():
                self._rows[record.trial] = TrialRow(record.trial, dict(record.values))
            case RunStarted():
                self._start(self._rows[record.trial], record.time)
            case TrialReported():
                self._report(self._rows[record.trial], record)
            case TrialRetried():
                row = self._rows[record.trial]
                row.retries += record.counted
                row.cause, row.message = record.cause, record.message
                self._move(row, "Waiting")
            case TrialEnded():
                self._end(self._rows[record.trial], record)
            case CheckpointSaved():
                self._rows[record.trial].saved.append(record)
            case CheckpointDropped():
                row = self._rows[record.trial]
                row.saved = [each for each in row.saved if each.checkpoint != record.checkpoint]
            case BudgetChanged():
                if self._ended_budget is not None and record.budget.raised_since(self._ended_budget):
                    self._reopen()
                self._budget = record.budget
            case Finished():
                self._ended_budget = self._budget

    def rows(self) -> list[TrialRow]:
        """Return the rows as they are after the last record."""
        return [replace(row, seconds=row.seconds + self._running_seconds(row)) for row in self._rows.values()]

    def _interrupt(self) -> None:
        """Let the runs of an attempt that is over wait for the next."""
        for row in self._rows.values():
            if row.state == "Running":
                self._move(row, "Waiting")

    def _start(self, row: TrialRow, time: float) -> None:
        self._halted.pop(row.trial, None)
        row.cause = row.message = ""
        self._move(row, "Running")
        row.since = time

    def _report(self, row: TrialRow, record: TrialReported) -> None:
        row.iteration, row.metrics = record.iteration, dict(record.metrics)
        objective = self._objectives[0]
        value = record.metrics.get(objective.metric)
        is_whole = all(each.metric in record.metrics for each in self._objectives)
        if value is not None and is_whole and (row.best is None or _is_better(objective, value, row.best)):
            row.best, row.best_iteration = value, record.iteration
        if record.exploit is not None:
            row.parameters = dict(record.exploit.values)
            if record.exploit.donor != row.trial:
                row.copies.append(record.exploit.donor)
        if record.decision in AFTER:
            row.cause = SCHEDULER if record.decision == "Stop" else ""
            row.message = record.reason or "" if record.decision == "Stop" else ""
            self._move(row, AFTER[record.decision])

    def _end(self, row: TrialRow, record: TrialEnded) -> None:
        if record.ending == "Stopped" and record.cause != SCHEDULER:
            self._halted[row.trial] = row.state
        row.cause, row.message = record.cause or "", record.message or ""
        self._move(row, record.ending)

    def _reopen(self) -> None:
        """Let those go on that only the end had stopped."""
        self._ended_budget = None
        for name, before in self._halted.items():
            row = self._rows[name]
            row.state = "Paused" if before == "Paused" else "Waiting"
            row.cause = row.message = ""
        self._halted.clear()

    def _move(self, row: TrialRow, state: str) -> None:
        if row.state == "Running":
            row.seconds += self._running_seconds(row)
        row.state, row.since = state, None

    def _running_seconds(self, row: TrialRow) -> float:
        return 0.0 if row.since is None else max(0.0, self._time - row.since)


def _is_better(objective: Objective, value: float, than: float) -> bool:
    return value > than if objective.direction is Direction.MAXIMIZE else value < than
