"""Which Ray trial is which run of which trial, and on which node: what Ray Tune tells of runs, said to the study.

A run on a node that leaves ends where nothing is lost and goes on elsewhere. A run that was lost
waits a moment for somebody to say why: its pod, or Kubernetes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.exceptions import RayTaskError
from ray.tune.result import DONE, SHOULD_CHECKPOINT, TRAINING_ITERATION

from luthier.api.failures import Cause
from luthier.trial import checkpoints
from luthier.trial.diagnosis import Diagnosis, address_in, diagnose
from luthier.trial.errors import StorageFull
from luthier.trial.nodes import Nodes
from luthier.trial.placement import Placement
from luthier.trial.result_metrics import numbers_of
from luthier.trial.shortage import Shortage
from luthier.trial.study import Study
from luthier.trial.trial_state import TrialState, run_name

Clock = Callable[[], float]
PATIENCE_SECONDS = 2.0
"""For this long a lost run waits for an explanation; a pod looks at its memory twice a second."""


@dataclass(frozen=True)
class Loss:
    """A run that is lost, and not yet explained."""

    ip: str | None
    diagnosis: Diagnosis
    since: float


class Runs:
    """Which Ray trial is which run of which trial; every call from Tune ends up here."""

    def __init__(
        self,
        study: Study,
        directory: Path,
        attempt: int,
        nodes: Nodes,
        *,
        saves_when_told: bool = False,
        clock: Clock = time.time,
    ) -> None:
        """Bind a study to the directory that holds its trials' files."""
        self.study = study
        self.directory = directory
        self.attempt = attempt
        self.nodes = nodes
        self.placement = Placement()
        self.shortage = Shortage(directory)
        self.clock = clock
        self.is_draining = False
        self.is_closing = False
        """The experiment is over but for what complete trials still save; nothing new starts."""
        self._saves_when_told = saves_when_told
        self._trial_of: dict[str, str] = {}
        self._node_of: dict[str, str] = {}
        self._losses: dict[str, Loss] = {}
        self._heard: dict[str, float] = {}
        """When a run that has a process last said something, or began."""
        self._hung: dict[str, Diagnosis] = {}
        self._interrupted: set[str] = set()
        self._judged: tuple[str, int] | None = None
        self._number = 0

    @property
    def is_saving(self) -> bool:
        """Whether a complete trial has still to save what it ended with, from where a raised limit lets it go on."""
        return any(self.study.trials[name].is_at_limit for name in self._trial_of.values())

    @property
    def live(self) -> int:
        """Runs that Ray has not let go of, or whose loss is not explained yet."""
        return len(self._trial_of)

    @property
    def at_work(self) -> int:
        """Those of them that have a process; the others have nothing to save."""
        return len(self._node_of)

    @property
    def has_room(self) -> bool:
        """Whether a node that stays has a slot for one more run; one that waited for it would cost already."""
        leaving = self.nodes.leaving
        staying = sum(self._node_of.get(run) not in leaving for run in self._trial_of)
        return staying < self.placement.slots(without=leaving)

    def idle_workers(self) -> list[str]:
        """Return the names of the pods that hold no run; nobody's while a run is on its way to some node."""
        if self.at_work < self.live:
            return []
        idle = self.placement.live() - set(self._node_of.values()) - self.nodes.leaving
        return sorted(name for ip, name in self.nodes.names.items() if ip in idle)

    def lost_workers(self) -> list[str]:
        """Return the uids of pods that Ray has lost, though nobody told them to end."""
        return self.nodes.lost(self.placement.live(), self.clock())

    def begin(self, trial: TrialState) -> str:
        """Return a new Ray trial id for a run."""
        self._number += 1
        run = run_name(trial.name, self.attempt, self._number)
        self._trial_of[run] = trial.name
        return run

    def placed(self, run: str, actor: Any) -> None:
        """Take note of the process that a run is in."""
        ip = self.placement.node_of(actor)
        if ip is not None and run in self._trial_of:
            if run not in self._node_of:
                self.study.placed(self._trial_of[run], self.nodes.names.get(ip, ip), self.clock())
            self._node_of[run] = ip
            self._heard[run] = self.clock()

    def report(self, run: str, result: dict[str, Any]) -> bool:
        """Pass a result on, once; return whether the run goes on.

        Tune asks its scheduler about a result, but not about one that the trial itself marked
        as its last; the callback sees both.
        """
        name, key = self._trial_of.get(run), (run, int(result.get(TRAINING_ITERATION, 0)))
        if name is None or key == self._judged:
            return False
        self._judged = key
        self._heard[run] = self.clock()
        metrics = numbers_of(result, [o.metric for o in self.study.spec.objectives])
        goes_on = not metrics or self.study.report(name, metrics, self.clock())
        must_leave = self.is_draining or self._node_of.get(run) in self.nodes.leaving
        if goes_on and must_leave and not result.get(DONE) and self._loses_nothing(name, result):
            self._interrupted.add(run)
            return False
        return goes_on

    def _loses_nothing(self, name: str, result: dict[str, Any]) -> bool:
        """Tell whether a run that ends here is saved as it is, or has never been saved at all."""
        return self._saves_when_told or bool(result.get(SHOULD_CHECKPOINT)) or not self.study.trials[name].saved

    def saved(self, run: str, path: str) -> None:
        """Pass on that a checkpoint is complete."""
        self.shortage.end()
        name = self._trial_of.get(run)
        if name is not None:
            cost = checkpoints.extent(Path(path))
            where = str(Path(path).relative_to(self.directory))
            self.study.saved(name, where, self.clock(), size=cost.bytes, seconds=cost.seconds)

    def ended(self, run: str) -> None:
        """Pass on that a run gave its slot back."""
        name, ip = self._let_go(run)
        if name is None:
            return
        is_interrupted = run in self._interrupted
        if is_interrupted and not self.is_draining:
            cause, message = self.nodes.reason_to_leave(ip)
            self.study.run_failed(name, cause, message, self.clock())
        else:
            self.study.run_ended(name, self.clock(), is_interrupted=is_interrupted)

    def failed(self, run: str, error: Exception) -> None:
        """Pass on that a run ended with an error; one that was lost waits for whoever knows why."""
        if run not in self._trial_of:
            return
        found = self._hung.pop(run, None) or diagnose(error)
        if isinstance(error, RayTaskError) and isinstance(error.cause, StorageFull):
            self.shortage.begin(error.cause, self.clock())
        if found.is_unexplained:
            self._losses[run] = Loss(self._node_of.get(run) or address_in(found.message), found, self.clock())
            self.look()
        else:
            self._fail(run, found.cause, found.message)

    def hanging(self, actors: Mapping[str, Any]) -> list[str]:
        """Return which of the runs with an actor hang; each is named once.

        Setup counts, for it is the trial's; the wait for a process to do it in is not.
        """
        timeout, now = self.study.spec.trial.hang_timeout_seconds, self.clock()
        for run, actor in actors.items():
            if run in self._trial_of and run not in self._heard and self.placement.node_of(actor):
                self._heard[run] = now
        silent = {run: now - self._heard.get(run, now) for run in actors if run not in self._hung}
        late = [run for run, seconds in silent.items() if timeout and seconds >= timeout]
        for run in late:
            said = f"no report for {timeout} seconds (trial.hangTimeoutSeconds)"
            self._hung[run] = Diagnosis(Cause.HANG, said)
        return late

    def look(self) -> None:
        """Explain what can be explained by now, and let nodes go that hold no run; to be called again and again."""
        for run, loss in list(self._losses.items()):
            found = self._explanation(loss)
            if found:
                del self._losses[run]
                self._fail(run, *found)
        leaving = self.nodes.leaving
        if leaving:
            is_clear = self.at_work == self.live  # or a run is on its way, and may be to one of them
            self.nodes.empty(leaving - set(self._node_of.values()) if is_clear else ())

    def _explanation(self, loss: Loss) -> tuple[Cause, str] | None:
        known = self.nodes.cause_of_loss(loss.ip, self.clock())
        if known:
            return known
        if self.placement.is_lost(loss.ip):
            return Cause.NODE_LOST, f"the node at {loss.ip} does not answer"
        is_late = self.clock() - loss.since >= PATIENCE_SECONDS
        return (loss.diagnosis.cause, loss.diagnosis.message) if is_late else None

    def _fail(self, run: str, cause: Cause, message: str) -> None:
        name, _ = self._let_go(run)
        if name is not None:
            self.study.run_failed(name, cause, message, self.clock())

    def _let_go(self, run: str) -> tuple[str | None, str | None]:
        """Forget a run; return its trial and its node."""
        self._heard.pop(run, None)
        self._hung.pop(run, None)
        return self._trial_of.pop(run, None), self._node_of.pop(run, None)
