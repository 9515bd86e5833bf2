"""A study that is told things in sentences, and an engine without Ray whose every move is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from luthier.api.experiment import Spec
from luthier.api.failures import Cause
from luthier.trial import schedulers, search
from luthier.trial.ending import outcome
from luthier.trial.records import Record, decode, encode
from luthier.trial.schedulers.scheduler import Scheduler
from luthier.trial.study import Study
from luthier.trial.trial_state import State, TrialState

START = 1_000_000.0


class ToldStudy:
    """A study with the records it wrote; every call happens a second after the one before.

    Args:
        spec: what to tune.
        records: what earlier attempts wrote; it is read through JSON, as from a ledger.
        scheduler: instead of the spec's own.
    """

    def __init__(self, spec: Spec, records: Iterable[Record] = (), scheduler: Scheduler | None = None) -> None:
        self.spec = spec
        self.records = list(records)
        self.now = max((record.time for record in self.records), default=START)
        self.study = Study(spec, search.build(spec), scheduler or schedulers.build(spec), self.records.append)
        self.study.replay(decode(encode(record)) for record in list(self.records))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.study, name)

    def tick(self, seconds: float = 1.0) -> float:
        self.now += seconds
        return self.now

    def begins(self, **budget: Any) -> ToldStudy:
        """Start the next attempt, with parts of the budget replaced."""
        changed = self.study.budget.model_copy(update=budget)
        self.study.begin(self.study.attempts + 1, 1, changed, self.tick())
        return self

    def starts(self) -> str | None:
        """Give a slot to the next run; return its trial."""
        trial = self.study.next_run(self.tick())
        return trial.name if trial else None

    def starts_all(self) -> list[str]:
        return list(iter(self.starts, None))

    def reports(self, trial: str, *scores: float, **metrics: float) -> bool:
        """Report scores, one after the other; return whether the run goes on after the last."""
        goes_on = True
        for score in scores:
            goes_on = self.study.report(trial, {"score0": score, **metrics}, self.tick())
        return self.study.report(trial, metrics, self.tick()) if not scores else goes_on

    def saves(self, trial: str) -> str:
        """Save at the run's last report; return the path."""
        path = f"trials/{trial}_{self.study.attempts}/checkpoint_{self.study.trials[trial].cursor:06d}"
        self.study.saved(trial, path, self.tick())
        return path

    def lets_go(self, trial: str, *, is_interrupted: bool = False) -> None:
        self.study.run_ended(trial, self.tick(), is_interrupted=is_interrupted)

    def fails(self, trial: str, cause: str = "Exception", message: str = "no luck") -> None:
        self.study.run_failed(trial, Cause(cause), message, self.tick())

    def completes(self, trial: str, *scores: float) -> None:
        self.reports(trial, *scores)
        self.lets_go(trial)

    def ends(self) -> None:
        """Finish if a rule says so."""
        ended = outcome(self.study, self.tick())
        if ended:
            self.study.finish(ended, self.tick())

    def state_of(self, trial: str) -> State:
        return self.study.trials[trial].state

    def of_kind(self, kind: str) -> list[Any]:
        return [record for record in self.records if record.kind == kind]

    def again(self, upto: int | None = None) -> ToldStudy:
        """Return a new driver's study that has read these records, or the first of them."""
        return ToldStudy(self.spec, self.records[:upto])


def picture(told: ToldStudy) -> dict[str, Any]:
    """All that a study knows, as something to compare; what only a live engine can know is left out."""
    study = told.study
    return {
        "trials": {name: {**asdict(trial), "live": None, "cursor": None} for name, trial in study.trials.items()},
        "queue": list(study._resumable),
        "owed": list(study._owed_drops),
        "budget": study.budget,
        "outcome": study.outcome,
        "exhausted": study.exhausted,
        "exploits": list(study.exploits),
        "failed": list(study.failed),
        "attempts": study.attempts,
        "metrics": (study.metrics_seen, study.missing_metric, study.last_result_time),
        "tally": vars(study.tally),
        "seconds": (study.trial_seconds(told.now), study.running_seconds(told.now)),
        "scheduler": study._scheduler.state(),
        "searcher": study._searcher.state(),
    }


@dataclass
class FakeRun:
    """What an engine knows of a run that holds a slot."""

    trial: str
    cursor: int
    is_unsaved: bool = False
    is_stopping: bool = False


class DrawnEngine:
    """Plays a study to its end, or for some moves, by moves that a seeded generator draws.

    It keeps the real engine's promises: a run that was told to stop reports no more; a checkpoint is of the run's last
    report, may come after the decision on that report, and may never come; a run ends once. `edits` is how probable it
    is that the budget changes before a move.
    """

    def __init__(
        self,
        told: ToldStudy,
        seed: int,
        score: Callable[[TrialState, int], float] | None = None,
        *,
        edits: float = 0.0,
    ) -> None:
        self.told = told
        self._edits = edits
        self.runs: dict[str, FakeRun] = {}
        self._random = random.Random(seed)
        self._score = score or self._any_score
        self._saves = self._random.random()
        self._fails = self._random.choice([0.0, 0.0, 0.02, 0.1])
        self._spoils = self._random.choice([0.0, 0.0, 0.05, 0.3])

    def play(self, moves: int = 100_000) -> DrawnEngine:
        for _ in range(moves):
            if self.told.study.outcome:
                break
            if self._random.random() < self._edits:
                self._edit()
            self._move()
            self.told.ends()
        return self

    def _edit(self) -> None:
        """Change the budget as a user might who can't make up his mind."""
        budget = self.told.study.budget
        slots = self._random.randint(2, 5)
        limits = {"iterations_per_trial": self._random.randint(2, 20), "trials": max(slots, self._random.randint(3, 9))}
        changed = budget.model_copy(update={"parallel_trials": slots, **limits})
        self.told.study.change_budget(self.told.study.generation + 1, changed, self.told.tick())

    def _move(self) -> None:
        startable = self._start() if not self.runs or self._random.random() < 0.4 else True
        if not self.runs:
            assert startable or outcome(self.told.study, self.told.now), "nothing runs and nothing can start"
            return
        run = self.runs[self._random.choice(sorted(self.runs))]
        if run.is_unsaved and self._random.random() < self._saves:
            run.is_unsaved = False
            self.told.study.saved(run.trial, self._path(run), self.told.tick())
        elif run.is_stopping or self._random.random() < 0.01:
            self._leave(run)
            self.told.lets_go(run.trial)
        elif self._random.random() < self._fails:
            self._leave(run)
            self.told.fails(run.trial, self._random.choice(["Exception", "WorkerLost"]))
        else:
            self._report(run)

    def _start(self) -> bool:
        trial = self.told.study.next_run(self.told.tick())
        if trial is None:
            return False
        assert trial.name not in self.runs, f"{trial.name} runs twice"
        assert len(self.runs) < self.told.study.budget.parallel_trials, "more runs than slots"
        gone = {record.checkpoint for record in self.told.of_kind("dropped")}
        assert trial.origin.checkpoint not in gone, f"{trial.name} goes on from what is gone"
        if trial.origin.checkpoint and self._random.random() < self._spoils:
            self.told.fails(trial.name, "BadCheckpoint", f"{trial.origin.checkpoint} is torn")
            return True
        self.runs[trial.name] = FakeRun(trial.name, trial.origin.iteration)
        return True

    def _leave(self, run: FakeRun) -> None:
        del self.runs[run.trial]

    def _report(self, run: FakeRun) -> None:
        run.cursor += 1
        trial = self.told.study.trials[run.trial]
        metrics = {"score0": self._score(trial, run.cursor), "other": float(run.cursor)}
        if self._random.random() < 0.03:
            del metrics["score0"]
        run.is_stopping = not self.told.study.report(run.trial, metrics, self.told.tick())
        run.is_unsaved = True

    def _any_score(self, trial: TrialState, iteration: int) -> float:
        return float("nan") if self._random.random() < self._fails / 5 else round(self._random.gauss(iteration, 3), 1)

    def _path(self, run: FakeRun) -> str:
        return f"trials/{run.trial}_{self.told.study.attempts}_{self._random.randrange(10**9)}/{run.cursor}"
