"""The loop that carries an experiment: step Ray Tune, look at the budget, tell whoever listens.

Ray is connected when this starts. It leaves when the study has an outcome, or, after `stop`,
when every run has given its slot back or the grace is over; then the ledger goes on another time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ray.tune import TuneError

from luthier.api.experiment import Budget, DriverMetrics
from luthier.api.manifest import Experiment
from luthier.api.wire import Problem, Report
from luthier.trial import checkpoints, schedulers, search, snapshot
from luthier.trial import ledger as ledgers
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.ending import outcome
from luthier.trial.environment import environment
from luthier.trial.errors import BadExperiment, StorageFull, TrialRuntimeError
from luthier.trial.nodes import Nodes
from luthier.trial.records import CheckpointDropped, Record
from luthier.trial.reporting import make_report
from luthier.trial.runs import Runs
from luthier.trial.search.searcher import Searcher
from luthier.trial.storage import wait_for_room
from luthier.trial.study import Study, as_begun
from luthier.trial.tune_bridge import TRIALS_DIR, controller_for

LOGGER = logging.getLogger(__name__)
PUBLISH_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
GRACE_SECONDS = 20.0
PROBLEM_SECONDS = 2.0
RESOURCES_SECONDS = 5.0
OnReport = Callable[[Report], None]
AtEnd = Callable[[], Callable[[], str]]


class Engine:
    """One attempt at one experiment."""

    def __init__(
        self,
        experiment: Experiment,
        directory: Path,
        attempt: int,
        on_report: OnReport,
        nodes: Nodes | None = None,
        previous_end: str = "",
        page: DriverPage | None = None,
        at_end: AtEnd | None = None,
        on_the_way: Callable[[], None] | None = None,
    ) -> None:
        """Claim the directory, read what earlier attempts left, and stand ready.

        `at_end` begins something once there is an outcome that stands in the ledger, and returns how to wait for it;
        the outcome is published after that, with what the waiting returns to be said. `on_the_way` is called twice a
        second at most while the search runs.

        Raises:
            Fenced: a newer attempt owns the directory.
            BrokenLedger: its ledger can't be read.
            StorageNotWritable: this user may not write there.
        """
        self.experiment = experiment
        self.directory = directory
        self.attempt = attempt
        self.nodes = nodes or Nodes()
        self._on_report = on_report
        self._previous_end = previous_end
        self._edits: list[tuple[int, Budget]] = []
        self._lock = threading.Lock()
        self._stop_at: float | None = None
        self._save_until: float | None = None
        self._refusal: Exception | None = None
        self._is_dirty = True
        self._idle: list[str] = []
        self._lost: list[str] = []
        self._published = 0.0
        self._sequence = attempt * 1_000_000
        self._problem: Problem | None = None
        self._page = page
        self._at_end = at_end
        self._on_the_way = on_the_way
        self._wait_for_end: Callable[[], str] | None = None
        self._remark = ""
        self._resources: dict[str, tuple[float, float]] = {}
        self._resources_seen: float | None = None
        self.study = open_study(experiment, directory, self._write)
        self._ledger = wait_for_room(lambda: ledgers.Ledger(directory, attempt), self._may_wait)
        timed = page.timed if page else as_it_is
        self.study = open_study(experiment, directory, self._write, timed)  # as it is now that nobody else writes

    def change_budget(self, generation: int, budget: Budget) -> None:
        """Take over an edited budget at the next step; may be called from any thread."""
        with self._lock:
            self._edits.append((generation, budget))

    def stop(self) -> None:
        """Ask the loop to save and leave; may be called from a signal handler."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + GRACE_SECONDS

    def run(self) -> Report:
        """Run until there is an outcome or until stopped; return the last report.

        Raises:
            BadExperiment: the user's code can't work.
        """
        had_ended = False
        try:
            metadata = self.experiment.metadata
            budget = self.experiment.spec.budget
            self.study.begin(self.attempt, metadata.generation, budget, time.time(), self._previous_end, environment())
            self._publish()
            kept = {self.directory / checkpoint for checkpoint in self.study.checkpoints}
            checkpoints.remove_leftovers(self.directory / TRIALS_DIR, kept)
            had_ended = self.study.outcome is not None
            if not had_ended:
                self._loop()
        except StorageFull:
            if self._stop_at is None:
                raise
            LOGGER.warning("leaving a full storage; what could not be written is done again in the next attempt")
        self._ledger.close()
        if not (had_ended and self._previous_end):  # the last driver died of it, or in it: an end comes first
            self._begin_end()
        if self._wait_for_end:
            self._remark = self._wait_for_end()
        self._is_dirty = True
        return self._publish()

    def _loop(self) -> None:
        controller, runs = controller_for(self.experiment, self.study, self.directory, self.attempt, self.nodes)
        try:
            while not self._is_over(runs):
                controller.step()
                if self._refusal:  # where Tune has made a log line of it, or a failed trial
                    raise self._refusal
                if not runs.live and not runs.is_draining and not self._may_start():
                    raise RuntimeError("no trial runs and none can start: a scheduler holds all of them")
                self._publish_sometimes(runs)
        except TuneError as error:
            raise self._refusal or error from error
        finally:
            controller.cleanup()

    def _is_over(self, runs: Runs) -> bool:
        self._take_edits()
        if self._stop_at is not None:
            runs.is_draining = True
            return not runs.at_work or time.monotonic() > self._stop_at
        now = time.time()
        ended = outcome(self.study, now)
        runs.is_closing = ended is not None
        runs.is_draining = self.study.budget.stop  # which promises that what runs is saved first
        if ended is None:
            self._save_until = None
            return False
        if (runs.is_saving or (runs.is_draining and runs.at_work)) and self._has_patience():
            return False
        self.study.finish(ended, now)
        self._begin_end()  # while Ray's actors go
        return True

    def _begin_end(self) -> None:
        if self._at_end and self.study.outcome and not self._wait_for_end:
            self._wait_for_end = self._at_end()

    def _has_patience(self) -> bool:
        if self._save_until is None:
            self._save_until = time.monotonic() + GRACE_SECONDS
        return time.monotonic() < self._save_until

    def _may_start(self) -> bool:
        return outcome(self.study, time.time()) is not None or self.study.can_start

    def _take_edits(self) -> None:
        with self._lock:
            edits, self._edits = self._edits, []
        for generation, budget in edits:
            self.study.change_budget(generation, budget, time.time())
            self._is_dirty = True
        for fact in self.nodes.take_facts():
            self.study.worker_failed(fact, time.time())

    def _write(self, record: Record) -> None:
        if self._refusal:
            raise self._refusal
        try:
            wait_for_room(lambda: self._ledger.append(record), self._may_wait)
        except (TrialRuntimeError, OSError) as error:
            self._refusal = error  # Tune turns what is raised in its callbacks into text
            raise
        if isinstance(record, CheckpointDropped):
            checkpoints.remove(self.directory / record.checkpoint)
        self._is_dirty = True
        self._problem = None

    def _may_wait(self, error: StorageFull) -> bool:
        """Say what the ledger waits for, now and then; wait unless asked to leave."""
        if self._problem is None or time.monotonic() - self._published >= PROBLEM_SECONDS:
            message = f"{error}; the search goes on when there is room"
            self._problem, self._is_dirty = Problem(reason="StorageFull", message=message[:1024]), True
            self._publish()
        return self._stop_at is None

    def _publish_sometimes(self, runs: Runs) -> None:
        age = time.monotonic() - self._published
        if age < PUBLISH_SECONDS:
            return
        if self._on_the_way:
            self._on_the_way()
        before = self._idle, self._lost, self._problem
        self._idle, self._lost, self._problem = runs.idle_workers(), runs.lost_workers(), runs.shortage.problem
        self._is_dirty |= before != (self._idle, self._lost, self._problem)
        self._is_dirty |= age >= HEARTBEAT_SECONDS  # what it costs grows though nobody reports
        if self._is_dirty:
            self._look_at_resources(runs)
            self._ledger.sync()
            self._publish()

    def _look_at_resources(self, runs: Runs) -> None:
        if self._page is None or self._page.detail is DriverMetrics.NONE:
            return
        if self._resources_seen is None or time.monotonic() - self._resources_seen >= RESOURCES_SECONDS:
            self._resources, self._resources_seen = runs.placement.resources(), time.monotonic()

    def _publish(self) -> Report:
        self._published = time.monotonic()
        self._sequence += self._is_dirty
        self._is_dirty = False
        report = make_report(
            self.study,
            uid=self.experiment.metadata.uid,
            attempt=self.attempt,
            sequence=self._sequence,
            now=time.time(),
            idle_workers=self._idle,
            lost_workers=self._lost,
            problem=self._problem,
            remark=self._remark,
        )
        if self._page is not None:
            is_full = self._page.detail is DriverMetrics.FULL
            self._page.show(snapshot.take(self.study, self._resources, with_trials=is_full))
        self._on_report(report)
        return report


def as_it_is(searcher: Searcher) -> Searcher:
    """Return the same searcher."""
    return searcher


def open_study(
    experiment: Experiment,
    directory: Path,
    write: Callable[[Record], None],
    watched: Callable[[Searcher], Searcher] = as_it_is,
) -> Study:
    """Return the study that a directory's ledger amounts to, an empty one for an empty directory; its searcher is what
    `watched` makes of the spec's own.

    Raises:
        BadExperiment: the search algorithm needs what this image does not have.
        BrokenLedger: the ledger can't be read.
    """
    records = list(ledgers.read(directory))
    spec = as_begun(experiment.spec, records)
    try:
        searcher = search.build(spec)
    except ModuleNotFoundError as error:  # an image without what the algorithm needs will not grow it
        raise BadExperiment(str(error)) from error
    study = Study(spec, watched(searcher), schedulers.build(spec), write)
    study.replay(records)
    return study
