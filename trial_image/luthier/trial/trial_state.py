"""One trial as the fold of its records: where it stands, what it has shown, where it would go on from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from luthier.trial.search.searcher import Values


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "Waiting"
    """May run as soon as a slot is free."""
    RUNNING = "Running"
    PAUSED = "Paused"
    """Waits for the scheduler's order."""
    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    FAILED = "Failed"


OVER = frozenset({State.SUCCEEDED, State.STOPPED, State.FAILED})


@dataclass(frozen=True)
class Origin:
    """Where a trial's next run goes on from."""

    iteration: int = 0
    """The trial's own iteration."""
    checkpoint: str | None = None
    """Path relative to the experiment's directory; None for the beginning."""


@dataclass(frozen=True)
class Saved:
    """One complete checkpoint."""

    iteration: int
    checkpoint: str
    seconds: float = field(default=0.0, compare=False)
    """Seconds that its trial had held a slot by then."""


@dataclass(frozen=True)
class Best:
    """A trial's best result by the primary objective."""

    score: float
    """Larger is better."""
    iteration: int
    metrics: dict[str, float]
    values: Values


@dataclass
class TrialState:
    """One trial."""

    name: str
    values: Values
    state: State = State.WAITING
    iteration: int = 0
    """Reports that counted."""
    cursor: int = 0
    """Iteration of the current run's last report; behind `iteration` while a run repeats what was lost."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The last result that held every objective."""
    last_iteration: int = 0
    """Iteration of that result."""
    best: Best | None = None
    origin: Origin = Origin()
    began_with: str | None = None
    """Checkpoint that the last run was given to go on from."""
    saved: list[Saved] = field(default_factory=list)
    """Complete checkpoints that are still on storage, oldest first."""
    retries: int = 0
    disruptions: int = 0
    """Runs lost since its last new result through no fault of the trial's."""
    cause: str | None = None
    message: str | None = None
    complete_at: int = 0
    """Iteration at which it was complete last, because the budget said so; 0 if it never was."""
    halted_from: State | None = None
    """Where it stood when the experiment ended; it goes on from there if the experiment does."""
    live: bool = False
    """A run holds a slot; outlasts RUNNING until the engine has let go of it."""
    since: float = 0.0
    """When its last run began."""
    safe_since: float = 0.0
    """What that run did before this is on storage; the rest is lost if the run is."""
    seconds: float = 0.0
    """Seconds that its runs held a slot."""
    settled: float = 0.0
    """Of them, those that are accounted for: as waste, in a result that stands, in weights that another took over."""

    def seconds_at(self, time: float) -> float:
        """Return the seconds that its runs have held a slot at a time that is not before its present run's begin."""
        return self.seconds + (max(0.0, time - self.since) if self.state is State.RUNNING else 0.0)

    @property
    def is_at_limit(self) -> bool:
        """Whether it succeeded only because the budget's iterations were spent, so that more of them let it go on."""
        return self.state is State.SUCCEEDED and 0 < self.complete_at == self.iteration

    @property
    def has_result(self) -> bool:
        """Whether its best result counts: a failure takes it away, but not from a trial that was complete before."""
        return self.best is not None and (self.state is not State.FAILED or self.complete_at > 0)

    @property
    def may_go_on(self) -> bool:
        """Whether it will run again, or would if the experiment did that it was stopped with."""
        return not self.is_over or self.halted_from is not None

    @property
    def is_over(self) -> bool:
        """Whether the trial will not run again."""
        return self.state in OVER


def run_name(trial: str, attempt: int, number: int) -> str:
    """Return the name of a trial's run: the attempt's and the run's own number after the trial's."""
    return f"{trial}_{attempt}_{number}"


def trial_of(run: str) -> str:
    """Return the name of the trial that a run is of."""
    return run.rsplit("_", 2)[0]


def attempt_of(run: str) -> int:
    """Return the number of the attempt that a run is of."""
    return int(run.rsplit("_", 2)[1])
