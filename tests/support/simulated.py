"""A fake engine: it carries out a scheduler's decisions and orders on trials that take no time.

It keeps the engine's promises and no more: checkpoints may come late or never, trials may fail, a paused trial goes on
from what it last saved, and repeats of reports already made are swallowed. Time is a number that the events carry.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from luthier.trial.schedulers.scheduler import Decision, Drop, Exploit, Pause, Resume, Scheduler, Stop
from luthier.trial.search.searcher import Values

Step = Callable[[float, Values, int], float]
"""Weight after an iteration, from the weight before it, the values and the iteration's number; it is the score too."""


class End(StrEnum):
    COMPLETED = "Completed"
    STOPPED = "Stopped"
    DROPPED = "Dropped"
    FAILED = "Failed"


@dataclass
class FakeTrial:
    """One trial and what became of it."""

    name: str
    values: Values
    iteration: int = 0
    """Iteration it has reported."""
    cursor: int = 0
    """Iteration it has trained to; below `iteration` while it repeats what a lost checkpoint lost."""
    weight: float = 0.0
    origin: tuple[int, float] = (0, 0.0)
    """Iteration and weight that it goes on from after a pause."""
    saved: dict[int, float] = field(default_factory=dict)
    is_paused: bool = False
    end: End | None = None
    reason: str = ""
    trained: int = 0
    """Iterations of training spent on it, repeats included."""


class SimulatedEngine:
    """Runs one experiment to the point where nothing happens any more.

    Args:
        scheduler: makes a fresh scheduler.
        values: of each trial.
        slots: trials at a time.
        iterations: reports after which a trial is complete.
        step: what an iteration of training does.
        fails: iteration at which a trial fails, by its name.
        save_delay: time from a report to its checkpoint; None never saves.
        restart_after: reports after which a new scheduler takes over from the JSON state of the old one.
        edits: number of reports after which trials are complete at another iteration, and that iteration.
    """

    def __init__(
        self,
        scheduler: Callable[[], Scheduler],
        values: list[Values],
        *,
        slots: int,
        iterations: int,
        step: Step,
        fails: Mapping[str, int] | None = None,
        save_delay: float | None = 0.0,
        restart_after: int | None = None,
        edits: Mapping[int, int] | None = None,
    ) -> None:
        self._make = scheduler
        self.scheduler = scheduler()
        self._slots, self._iterations, self._step = slots, iterations, step
        self._fails = fails or {}
        self._save_delay = save_delay
        self._restart_after = restart_after
        self._edits = dict(edits or {})
        self._unproposed = [FakeTrial(f"t{number}", dict(given)) for number, given in enumerate(values)]
        self.trials: dict[str, FakeTrial] = {}
        self.exploits: list[tuple[str, Exploit]] = []
        self.log: list[str] = []
        """Every decision and order, in order."""
        self._queue: list[str] = []
        self._live: set[str] = set()
        self._events: list[tuple[float, int, str, str, int]] = []
        self._ticket = itertools.count()
        self._reports = 0
        self.now = 0.0

    def run(self) -> SimulatedEngine:
        """Play until no event is left."""
        self._fill_slots()
        while self._events:
            if self._reports in self._edits:
                self.resize(self._edits.pop(self._reports))
            self.now, _, kind, name, iteration = heapq.heappop(self._events)
            trial = self.trials[name]
            if kind == "saved":
                self.scheduler.saved(name, iteration)
            else:
                self._train(trial)
            self._obey()
            self._fill_slots()
        return self

    @property
    def trained(self) -> int:
        """Iterations of training spent in all."""
        return sum(trial.trained for trial in self.trials.values())

    @property
    def best(self) -> float:
        return max(trial.weight for trial in self.trials.values())

    def unfinished(self) -> list[str]:
        """Trials that have not ended, the never started ones included; empty if the run terminated as it should."""
        waiting = [trial.name for trial in self._unproposed]
        return [name for name, trial in self.trials.items() if trial.end is None] + waiting

    def resize(self, iterations: int) -> list[str]:
        """Move the end of every trial; return the complete trials that go on."""
        self._iterations = iterations
        sooner = [t for t in self.trials.values() if t.end is End.COMPLETED and t.iteration < iterations]
        best_first = sorted(sooner, key=lambda trial: -trial.weight if trial.weight == trial.weight else 0.0)
        chosen = self.scheduler.resized(iterations, [trial.name for trial in best_first])
        self.log.append(f"resized to {iterations}: {chosen}")
        for name in chosen:
            self.trials[name].end = None
            self._queue.append(name)
        self._obey()
        return chosen

    def _fill_slots(self) -> None:
        while len(self._live) < self._slots:
            trial = self._next_trial()
            if trial is None:
                return
            self._live.add(trial.name)
            trial.cursor, trial.weight = trial.origin
            self._schedule(trial)

    def _next_trial(self) -> FakeTrial | None:
        takes_new = self._unproposed and (self.scheduler.new_first or not self._queue)
        if takes_new:
            trial = self._unproposed.pop(0)
            self.trials[trial.name] = trial
            self.scheduler.added(trial.name, dict(trial.values))
            if not self._unproposed:
                self.scheduler.closed()
            self._obey()
            return trial
        return self.trials[self._queue.pop(0)] if self._queue else None

    def _schedule(self, trial: FakeTrial) -> None:
        number = int(trial.name[1:])
        seconds = 1.0 + (number * 7 % 5) / 10 + (trial.cursor * 3 + number) % 4 / 100
        heapq.heappush(self._events, (self.now + seconds, next(self._ticket), "trained", trial.name, 0))

    def _train(self, trial: FakeTrial) -> None:
        trial.cursor += 1
        trial.trained += 1
        trial.weight = self._step(trial.weight, trial.values, trial.cursor)
        if trial.cursor <= trial.iteration:
            self._schedule(trial)
        elif self._fails.get(trial.name) == trial.cursor:
            self._end(trial, End.FAILED, "failed")
        else:
            self._report(trial)

    def _report(self, trial: FakeTrial) -> None:
        trial.iteration = trial.cursor
        waiting = len(self._queue) + len(self._unproposed)
        decision = self.scheduler.report(trial.name, trial.iteration, trial.weight, waiting=waiting)
        self.log.append(f"{trial.name}@{trial.iteration}: {decision}")
        self._reports += 1
        if self._reports == self._restart_after:
            self._restart()
        if trial.iteration >= self._iterations:
            self._save(trial)
            self._end(trial, End.COMPLETED, "")
        else:
            self._carry_out(trial, decision)

    def _carry_out(self, trial: FakeTrial, decision: Decision) -> None:
        match decision:
            case Stop(reason):
                self._end(trial, End.STOPPED, reason)
            case Pause():
                self._save(trial)
                trial.is_paused = True
                self._live.discard(trial.name)
            case Exploit():
                self._exploit(trial, decision)
            case _:
                self._save(trial)
                self._schedule(trial)

    def _exploit(self, trial: FakeTrial, decision: Exploit) -> None:
        """Take over what the donor saved; a KeyError here is a scheduler that trusts a checkpoint that is not there."""
        donor = self.trials[decision.donor]
        trial.values = dict(decision.values)
        if donor is trial:
            assert decision.donor_iteration == trial.iteration, "it can go on only from where it is"
            self._save(trial)
        else:
            trial.origin = (trial.iteration, donor.saved[decision.donor_iteration])
            trial.saved = {}
        self.exploits.append((trial.name, decision))
        self._live.discard(trial.name)
        self._queue.append(trial.name)

    def _save(self, trial: FakeTrial) -> None:
        if self._save_delay is None:
            return
        trial.saved[trial.iteration] = trial.weight
        trial.origin = (trial.iteration, trial.weight)
        if self._save_delay == 0:
            self.scheduler.saved(trial.name, trial.iteration)
        else:
            event = (self.now + self._save_delay, next(self._ticket), "saved", trial.name, trial.iteration)
            heapq.heappush(self._events, event)

    def _obey(self) -> None:
        while orders := self.scheduler.orders():
            for order in orders:
                trial = self.trials[order.trial]
                self.log.append(str(order))
                if isinstance(order, Drop):
                    self._end(trial, End.DROPPED, order.reason)
                elif isinstance(order, Resume) and trial.end is None:
                    assert trial.is_paused, f"{trial.name} was told to resume and was not paused"
                    trial.is_paused = False
                    self._queue.append(trial.name)

    def _end(self, trial: FakeTrial, end: End, reason: str) -> None:
        assert trial.end is None, f"{trial.name} ended twice"
        trial.end, trial.reason, trial.is_paused = end, reason, False
        self._live.discard(trial.name)
        self.scheduler.ended(trial.name)

    def _restart(self) -> None:
        state = json.loads(json.dumps(self.scheduler.state(), allow_nan=False))
        self.scheduler = self._make()
        self.scheduler.restore(state)
