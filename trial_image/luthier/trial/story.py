"""What a person wants to know of an experiment, from its ledger's records: the fold, and what the fold forgets.

The fold keeps where each trial stands; a page also shows how it got there: every result, every run with its
worker, every failure with its words. Pure: no clock, no files, no Ray.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from luthier.api.experiment import Objective, Spec
from luthier.api.manifest import Experiment
from luthier.api.parameters import Scalar
from luthier.api.status import Waste
from luthier.trial import schedulers
from luthier.trial.records import (
    SCHEDULER,
    AttemptStarted,
    CheckpointSaved,
    Record,
    RunPlaced,
    RunStarted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
    WorkerFailed,
)
from luthier.trial.search.searcher import Ended, Values
from luthier.trial.study import Study, as_begun
from luthier.trial.trial_state import State, TrialState


class Use(StrEnum):
    """What a run's time was good for."""

    USEFUL = "Useful"
    """It led to a result that counts, or still may."""
    STOPPED = "Stopped early"
    """The scheduler stopped the trial: time that bought the knowledge that it was not worth more."""
    EXPLOITED = "Given up for another's weights"
    """A member of a population took over another one's weights."""
    FAILED = "Failed"
    """The trial failed, or its run did and had to go back."""
    LOST = "Lost"
    """Worker, node or driver went away, and what was not saved was done again."""


WASTE = {
    Use.STOPPED: Waste.EARLY_STOPPED,
    Use.EXPLOITED: Waste.EXPLOITED,
    Use.FAILED: Waste.FAILED,
    Use.LOST: Waste.DISRUPTED,
}


@dataclass(frozen=True)
class Clock:
    """A unit of time."""

    name: str
    short: str
    seconds: float
    """Its length."""
    from_seconds: float
    """Length of an experiment from which it is the unit to show."""


CLOCKS = (
    Clock("days", "d", 86_400, 5 * 86_400),
    Clock("hours", "h", 3600, 5 * 3600),
    Clock("minutes", "min", 60, 5 * 60),
    Clock("seconds", "s", 1, float("-inf")),
)


@dataclass(frozen=True)
class Point:
    """One result of one trial."""

    time: float
    """Seconds since the epoch."""
    iteration: int
    values: tuple[float, ...]
    """Of the objectives, in the spec's order."""


@dataclass
class Run:
    """One stretch of time in which a trial held a slot."""

    trial: str
    start: float
    """Seconds since the epoch."""
    end: float | None = None
    """None while it runs."""
    worker: str | None = None
    """Pod or address; None where the ledger does not say."""
    first_iteration: int = 0
    iteration: int = 0
    saved_at: float | None = None
    """When it last saved."""
    is_lost: bool = False
    """It went away through no fault of the trial's."""
    is_broken: bool = False
    """It ended badly through a fault of the trial's."""
    is_given_up: bool = False
    """It ended so that its trial could go on with another one's weights."""


@dataclass(frozen=True)
class Mishap:
    """One bad end: of a run, of a trial, of a worker that could not be had, of a driver."""

    time: float
    who: str
    cause: str
    message: str
    what: str
    """What followed."""


@dataclass(frozen=True)
class Attempt:
    """One driver's time."""

    number: int
    start: float
    environment: dict[str, str]


@dataclass
class Story:
    """An experiment as its ledger tells it."""

    experiment: Experiment
    study: Study
    now: float
    """Time of the last record, or of the look at a running experiment; seconds since the epoch."""
    points: dict[str, list[Point]] = field(default_factory=dict)
    """Results that held every objective, by trial, in order."""
    runs: list[Run] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    stops: Counter[int] = field(default_factory=Counter)
    """Trials that the scheduler stopped, by the iteration they had reached."""
    first_values: dict[str, Values] = field(default_factory=dict)
    """What each trial was proposed with, by its name; an exploit changes what it goes on with."""
    started: float = 0.0
    _runs_of: dict[str, list[Run]] | None = None

    @property
    def spec(self) -> Spec:
        """The spec, its budget as it is now."""
        return self.experiment.spec.model_copy(update={"budget": self.study.budget})

    @property
    def objective(self) -> Objective:
        """The primary objective."""
        return self.spec.objectives[0]

    @property
    def trials(self) -> Sequence[TrialState]:
        """All trials in the order in which they were proposed."""
        return list(self.study.trials.values())

    @property
    def ranked(self) -> Sequence[TrialState]:
        """Trials that have a result, best first."""
        return [self.study.trials[name] for name in self.study.ranking]

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.study.outcome is None

    def runs_of(self, trial: str) -> Sequence[Run]:
        """The runs of a trial, by time."""
        if self._runs_of is None:
            self._runs_of = {}
            for run in self.runs:
                self._runs_of.setdefault(run.trial, []).append(run)
        return self._runs_of.get(trial, ())

    def best_value(self, trial: TrialState) -> float | None:
        """Return a trial's best value of the primary objective, in the user's own direction."""
        return trial.best.metrics[self.objective.metric] if trial.best else None

    @property
    def clock(self) -> Clock:
        """The unit in which times of this experiment are shown."""
        length = self.now - self.started
        return next(clock for clock in CLOCKS if length >= clock.from_seconds)

    def since_start(self, time: float) -> float:
        """Return a time as its distance from the start, in the clock's unit."""
        return round((time - self.started) / self.clock.seconds, 4)

    def use_of(self, run: Run) -> dict[Use, float]:
        """Return what a run's seconds were good for; they add up to the run's length."""
        end = self.now if run.end is None else run.end
        seconds = max(0.0, end - run.start)
        trial = self.study.trials[run.trial]
        rest = _use_of_rest(trial)
        kept = max(0.0, min(end, run.saved_at or run.start) - run.start)
        if run.is_lost or (run.is_broken and trial.state is not State.FAILED):
            gone = Use.LOST if run.is_lost else Use.FAILED
            return {rest: kept, gone: seconds - kept} if kept else {gone: seconds}
        if run.is_given_up:
            return {Use.EXPLOITED: seconds}
        return {rest: seconds}

    def uses(self) -> dict[Use, float]:
        """Return trial-seconds by what they were good for, all of them in the enum's order, as status counts them."""
        wasted = self.study.tally.wasted
        in_vain = {use: wasted.get(waste, 0.0) for use, waste in WASTE.items()}
        return {Use.USEFUL: self.study.trial_seconds(self.now) - sum(in_vain.values()), **in_vain}


def _use_of_rest(trial: TrialState) -> Use:
    if trial.state is State.FAILED and not trial.has_result:
        return Use.FAILED
    if trial.state is State.STOPPED and trial.halted_from is None:
        return Use.STOPPED
    return Use.USEFUL


def story_of(experiment: Experiment, records: Iterable[Record], now: float | None = None) -> Story:
    """Return the story that records tell.

    Args:
        experiment: the manifest that they are of.
        records: the ledger's lines, oldest first.
        now: time of the look at an experiment that still runs, in seconds since the epoch; by default that of
            the last record.
    """
    told = list(records)
    spec = as_begun(experiment.spec, told)
    study = Study(spec, Mute(), schedulers.build(spec), lambda _: None)
    latest = told[-1].time if told else 0.0
    story = Story(experiment, study, latest if now is None else max(now, latest))
    story.started = told[0].time if told else story.now
    teller = _Teller(story)
    for record in told:
        study.take_in(record)
        teller.tell(record)
    if study.outcome is not None:  # a driver that came after the end has left a record, too
        story.now = max((record.time for record in told if record.kind == "finish"), default=story.now)
    return story


class Mute:
    """A searcher that is told everything and proposes nothing: what was proposed stands in the ledger."""

    def suggest(self, trial: str) -> Values | None:
        """Return nothing."""
        return None

    def remember(self, trial: str, values: Values) -> None:
        """Take nothing in."""

    def observe(self, trial: str, ended: Ended) -> None:
        """Take nothing in."""

    def state(self) -> Any:
        """Return nothing."""
        return None

    def restore(self, state: Any) -> None:
        """Take nothing in."""


class _Teller:
    """Keeps what the fold forgets."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._open: dict[str, Run] = {}
        self._metrics = [objective.metric for objective in story.experiment.spec.objectives]
        self._last_time = 0.0

    def tell(self, record: Record) -> None:  # noqa: C901 - one case a record
        """Take in one record that the fold has just taken in."""
        match record:
            case AttemptStarted():
                self._attempt(record)
            case TrialProposed():
                self._story.first_values[record.trial] = dict(record.values)
            case RunStarted():
                self._close(record.trial, record.time)
                run = Run(record.trial, record.time, first_iteration=record.iteration, iteration=record.iteration)
                self._open[record.trial] = run
                self._story.runs.append(run)
            case RunPlaced():
                if record.trial in self._open:
                    self._open[record.trial].worker = record.worker
            case TrialReported():
                self._report(record)
            case CheckpointSaved():
                if record.trial in self._open:
                    self._open[record.trial].saved_at = record.time
            case TrialRetried():
                self._close(record.trial, record.time, is_lost=not record.counted, is_broken=record.counted)
                said = "goes on from its last checkpoint" + ("" if record.counted else "; not counted")
                self._mishap(record.time, record.trial, record.cause, record.message, said)
            case WorkerFailed():
                self._mishap(record.time, record.worker, record.cause, record.message, f"worker: {record.action}")
            case TrialEnded():
                is_failed = record.ending == "Failed"
                if record.ending == "Stopped" and record.cause == SCHEDULER:
                    self._story.stops[self._story.study.trials[record.trial].iteration] += 1
                self._close(record.trial, record.time, is_broken=is_failed)
                if is_failed:
                    self._mishap(record.time, record.trial, record.cause or "Unknown", record.message or "", "failed")
        self._last_time = record.time

    def _attempt(self, record: AttemptStarted) -> None:
        for trial in list(self._open):  # with the driver before this one; nobody could write down when
            self._close(trial, self._last_time, is_lost=bool(record.previous_end))
        self._story.attempts.append(Attempt(record.attempt, record.time, record.environment))
        if record.previous_end:
            cause, _, message = record.previous_end.partition(": ")
            self._mishap(record.time, "driver", cause, message, f"attempt {record.attempt} goes on")

    def _report(self, record: TrialReported) -> None:
        if record.trial in self._open:
            run = self._open[record.trial]
            run.iteration = record.iteration
            copy = record.exploit if record.decision == "Exploit" else None
            run.is_given_up = copy is not None and copy.donor != run.trial
        if all(metric in record.metrics for metric in self._metrics):
            values = tuple(record.metrics[metric] for metric in self._metrics)
            self._story.points.setdefault(record.trial, []).append(Point(record.time, record.iteration, values))
        if record.decision == "Stop":
            self._story.stops[record.iteration] += 1
        if record.decision != "Continue":
            self._close(record.trial, record.time)

    def _close(self, trial: str, time: float, *, is_lost: bool = False, is_broken: bool = False) -> None:
        run = self._open.pop(trial, None)
        if run is not None:
            run.end, run.is_lost, run.is_broken = time, is_lost, is_broken

    def _mishap(self, time: float, who: str, cause: str, message: str, what: str) -> None:
        self._story.mishaps.append(Mishap(time, who, cause, message, what))


def parameter_text(value: Scalar) -> str:
    """Return a parameter's value as it is written in a manifest, numbers to six digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
