"""Ray Tune's controller, driven by a study: with `tune_*` the only file that knows Ray Tune's inner names.

Tune runs what it runs well: actors, placement, resets, saves and restores. What to run next and
when to stop comes from the study. A pause, an exploit or a retry is the end of one Ray trial and
the start of another from a checkpoint, in the same warm actor; so Tune sees only "go on" and "stop".
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray.air.execution import PlacementGroupResourceManager
from ray.exceptions import RayActorError
from ray.train._internal.checkpoint_manager import _TrainingResult
from ray.tune import Callback, Checkpoint, CheckpointConfig, PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.registry import register_trainable
from ray.tune.result import DONE, TRAINING_ITERATION
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.search_algorithm import SearchAlgorithm

from luthier.api.keys import SLOT
from luthier.api.manifest import Experiment
from luthier.trial.nodes import Nodes
from luthier.trial.output import heard_in_the_pods_log
from luthier.trial.result_metrics import flat
from luthier.trial.runs import Runs
from luthier.trial.study import Study
from luthier.trial.trainables import check_can_pause, load_trainable, saves_when_told
from luthier.trial.trial_state import TrialState
from luthier.trial.tune_actors import ActorManager
from luthier.trial.tune_storage import Storage, restoring_what_is_whole

TRIALS_DIR = "trials"
STILL_BUSY = "its process would not end what it did for another trial, so it was ended; a fresh one takes the trial"
PENDING_RUNS = 64
"""Actors that Tune may ask Ray for at the same time; the study never has more runs than slots."""
HANG_LOOK_SECONDS = 0.5
"""Pause between two looks for runs that hang."""
NO_WORKER_SECONDS = 0.1
"""Pause between two looks for a first worker."""


def controller_for(
    experiment: Experiment, study: Study, directory: Path, attempt: int, nodes: Nodes
) -> tuple[Controller, Runs]:
    """Return Tune's controller for a study, and the runs that it will carry.

    Raises:
        BadExperiment: the user's code can't be loaded.
    """
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(PENDING_RUNS)
    trial = experiment.spec.trial
    trainable = heard_in_the_pods_log(restoring_what_is_whole(load_trainable(trial)))
    name = experiment.metadata.name
    register_trainable(name, trainable, warn=False)
    check_can_pause(trainable, experiment.spec.scheduler_kind)
    every = trial.checkpoint_interval if saves_when_told(trainable) else 0
    checkpoints = CheckpointConfig(checkpoint_frequency=every, checkpoint_at_end=bool(every))
    storage = Storage(str(directory), TRIALS_DIR)
    resources = {"CPU": trial.resources.cpu, "GPU": trial.resources.gpu, SLOT: 1.0}
    runs = Runs(study, directory, attempt, nodes, saves_when_told=saves_when_told(trainable))
    factory = TrialFactory(name, {k: v for k, v in resources.items() if v}, checkpoints, storage)
    return Controller(runs, factory, storage), runs


class Proposals(SearchAlgorithm):
    """Tune's source of trials: whatever the study wants to run next."""

    def __init__(self, runs: Runs, make_trial: Callable[[str, TrialState], Trial]) -> None:
        """Take runs from a study and make Ray trials of them."""
        self._runs = runs
        self._make_trial = make_trial

    def next_trial(self) -> Trial | None:
        """Return the next run as a Ray trial, or None when no slot is free or nothing can start."""
        if self._runs.is_draining or self._runs.is_closing or not self._has_room():
            return None
        trial = self._runs.study.next_run(self._runs.clock())
        return self._make_trial(self._runs.begin(trial), trial) if trial else None

    def _has_room(self) -> bool:
        """Tell whether one more run may begin."""
        if self._runs.live >= self._runs.study.budget.parallel_trials:
            return False
        if self._runs.shortage.lets_start(self._runs.clock()) and self._runs.has_room:
            return True
        if not self._runs.live:
            time.sleep(NO_WORKER_SECONDS)  # nothing runs that Tune could wait for, so it would spin
        return False

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take note of a run's end; errors come with their exception through the controller."""
        if not error:
            self._runs.ended(trial_id)

    def is_finished(self) -> bool:
        """Whether nothing will ever be proposed again."""
        return self._runs.study.outcome is not None


class Verdicts(TrialScheduler):
    """Tune's scheduler: asks the study whether a run goes on."""

    def __init__(self, runs: Runs) -> None:
        """Ask this study."""
        super().__init__()
        self._runs = runs

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Return CONTINUE or STOP."""
        return str(TrialScheduler.CONTINUE if self._runs.report(trial.trial_id, result) else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Leave the order to the study: pending trials start as they come."""
        return None

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Nothing to do."""

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Nothing to do; the controller passes the exception on."""

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Nothing to do; the search algorithm is told."""

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Nothing to do."""

    def debug_string(self) -> str:
        """Name this scheduler."""
        return "Luthier"


class Notes(Callback):
    """Tells the study of last results and of each checkpoint that is complete."""

    def __init__(self, runs: Runs) -> None:
        """Tell this study."""
        self._runs = runs

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Pass on a result that the scheduler was not asked about."""
        if result.get(DONE):
            self._runs.report(trial.trial_id, result)

    def on_checkpoint(
        self, iteration: int, trials: list[Trial], trial: Trial, checkpoint: Checkpoint, **info: Any
    ) -> None:
        """Pass a checkpoint's path on."""
        self._runs.saved(trial.trial_id, checkpoint.path)


class Controller(TuneController):
    """Tune's controller without its own memory: the ledger is the only truth, so nothing is pickled."""

    _trials: list[Trial]

    def __init__(self, runs: Runs, make_trial: Callable[[str, TrialState], Trial], storage: Storage) -> None:
        """Run the trials of a study; Ray is connected already."""
        self._runs = runs
        self._left: frozenset[str] = frozenset()
        self._next_look = 0.0
        super().__init__(
            search_alg=Proposals(runs, make_trial),
            scheduler=Verdicts(runs),
            callbacks=[Notes(runs)],
            storage=storage,
            reuse_actors=True,
        )
        self._actor_manager = ActorManager(resource_manager=PlacementGroupResourceManager())

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Write nothing."""

    def on_step_begin(self) -> None:
        """Look at what has become known of nodes; no warm process on one that leaves is used again."""
        super().on_step_begin()
        self._forget_ended()
        self._runs.look()
        self._end_hanging()
        leaving = self._runs.nodes.leaving
        if leaving - self._left:
            self._left = leaving
            self._runs.placement.drain(leaving)
            self._cleanup_cached_actors(force_all=True)

    def _end_hanging(self) -> None:
        """End the processes of runs that hang, in their setup too: Tune hears of it as of any lost process."""
        if self._runs.study.spec.trial.hang_timeout_seconds is None or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + HANG_LOOK_SECONDS
        held = self._actor_manager._live_actors_to_ray_actors_resources  # noqa: SLF001 - trials have theirs after setup
        tracked = {trial.trial_id: self._trial_to_actor.get(trial) for trial in self._live_trials}
        actors = {run: held[actor][0] for run, actor in tracked.items() if actor in held}
        for run in self._runs.hanging(actors):
            ray.kill(actors[run])

    def _forget_ended(self) -> None:
        """Let go of Ray trials that have ended: Tune would keep each for good, and what it will never write."""
        ended = [trial for trial in self._trials if trial.is_finished() and trial not in self._trial_to_actor]
        if ended:
            self._trials = [trial for trial in self._trials if trial not in ended]
            self._stopped_trials.difference_update(ended)
            self._failed_trials.difference_update(ended)
        self._trials_to_cache.clear()

    def _maybe_cache_trial_actor(self, trial: Trial) -> bool:
        actor = trial.temporary_state.ray_actor
        is_leaving = actor is not None and self._runs.placement.node_of(actor) in self._runs.nodes.leaving
        return not is_leaving and bool(super()._maybe_cache_trial_actor(trial))

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        is_reused = bool(super()._maybe_reuse_cached_actor(trial))
        if is_reused:
            self._runs.placed(trial.trial_id, trial.temporary_state.ray_actor)
        return is_reused

    def _actor_started(self, tracked_actor: Any, log: str = "STARTED") -> None:
        trial = self._actor_to_trial[tracked_actor]
        super()._actor_started(tracked_actor, log)
        self._runs.placed(trial.trial_id, trial.temporary_state.ray_actor)

    def _update_trial_queue(self, blocking: bool = False, timeout: int = 600) -> bool:
        return bool(super()._update_trial_queue(blocking=False))

    def _process_trial_result(self, trial: Trial, result: dict[str, Any]) -> Any:
        return super()._process_trial_result(trial, flat(result))  # Tune's own way falls over names that are no text

    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        super()._process_trial_failure(trial, exception)
        self._live_trials.discard(trial)
        self._runs.failed(trial.trial_id, exception)

    def _on_trial_reset(self, trial: Trial, success: bool) -> None:
        super()._on_trial_reset(trial, success)
        if not success:  # the old code still runs in that process; Ray has ended it, a fresh one takes the trial
            self._live_trials.discard(trial)
            self._runs.failed(trial.trial_id, RayActorError(error_msg=STILL_BUSY))


class TrialFactory:
    """Makes Ray trials: resources, storage and the checkpoint to start from."""

    def __init__(self, name: str, resources: dict[str, float], checkpoints: CheckpointConfig, storage: Storage) -> None:
        """Make trials of a registered trainable."""
        self._name = name
        self._resources = resources
        self._checkpoints = checkpoints
        self._storage = storage

    def __call__(self, run: str, trial: TrialState) -> Trial:
        """Return a Ray trial for a run, with what it restores."""
        ray_trial = Trial(
            self._name,
            config=dict(trial.values),
            trial_id=run,
            storage=self._storage,
            placement_group_factory=PlacementGroupFactory([self._resources]),
            checkpoint_config=self._checkpoints,
            trial_name_creator=lambda _: run,
            trial_dirname_creator=lambda _: run,
        )
        origin = trial.origin
        if origin.checkpoint:
            path = Path(self._storage.storage_fs_path) / origin.checkpoint
            ray_trial._restore_checkpoint_result = _TrainingResult(  # noqa: SLF001
                checkpoint=Checkpoint.from_directory(str(path)), metrics={TRAINING_ITERATION: origin.iteration}
            )
        return ray_trial
