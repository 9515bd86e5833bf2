"""Ray Tune's controller, driven by a study: the only file that knows Ray Tune's inner names.

Tune runs what it runs well: actors, placement, resets, saves and restores. What to run next and
when to stop comes from the study. A pause, an exploit or a retry is the end of one Ray trial and
the start of another from a checkpoint, in the same warm actor; so Tune sees only "go on" and "stop".
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.train._internal.checkpoint_manager import _TrainingResult
from ray.train._internal.storage import StorageContext
from ray.tune import Callback, Checkpoint, CheckpointConfig, PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.registry import register_trainable
from ray.tune.result import AUTO_RESULT_KEYS, DEBUG_METRICS, DONE, TRAINING_ITERATION, TRIAL_ID
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.search_algorithm import SearchAlgorithm

from luthier.api.keys import SLOT
from luthier.api.manifest import Experiment
from luthier.api.status import METRICS_SHOWN
from luthier.trial.study import Study
from luthier.trial.trainables import check_can_pause, load_trainable, saves_when_told
from luthier.trial.trial_state import TrialState, run_name

TRIALS_DIR = "trials"
NOT_METRICS = frozenset(AUTO_RESULT_KEYS) | frozenset(DEBUG_METRICS) | {DONE, TRIAL_ID, "should_checkpoint"}
PENDING_RUNS = 64
"""Actors that Tune may ask Ray for at the same time; the study never has more runs than slots."""
MAX_DEPTH = 4
NO_WORKER_SECONDS = 0.1
"""Pause between two looks for a first worker."""
BORN_DEAD = "raised in its creation task"
"""How Ray says that the process could not be set up: the error is the code's, and no worker was lost."""
Clock = Callable[[], float]


def controller_for(experiment: Experiment, study: Study, directory: Path, attempt: int) -> tuple[Controller, Runs]:
    """Return Tune's controller for a study, and the runs that it will carry.

    Raises:
        BadExperiment: the user's code can't be loaded.
    """
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(PENDING_RUNS)
    trial = experiment.spec.trial
    trainable = load_trainable(trial)
    name = experiment.metadata.name
    register_trainable(name, trainable, warn=False)
    check_can_pause(trainable, experiment.spec.scheduler_kind)
    every = trial.checkpoint_interval if saves_when_told(trainable) else 0
    checkpoints = CheckpointConfig(checkpoint_frequency=every, checkpoint_at_end=bool(every))
    storage = StorageContext(str(directory), TRIALS_DIR)
    resources = {"CPU": trial.resources.cpu, "GPU": trial.resources.gpu, SLOT: 1.0}
    runs = Runs(study, directory, attempt)
    factory = TrialFactory(name, {k: v for k, v in resources.items() if v}, checkpoints, storage)
    return Controller(runs, factory, storage), runs


class Runs:
    """Which Ray trial is which run of which trial; every call from Tune ends up here."""

    def __init__(self, study: Study, directory: Path, attempt: int, clock: Clock = time.time) -> None:
        """Bind a study to the directory that holds its trials' files."""
        self.study = study
        self.directory = directory
        self.attempt = attempt
        self.clock = clock
        self.is_draining = False
        self._trial_of: dict[str, str] = {}
        self._interrupted: set[str] = set()
        self._judged: tuple[str, int] | None = None
        self._number = 0

    @property
    def live(self) -> int:
        """Runs that Ray has not let go of."""
        return len(self._trial_of)

    def begin(self, trial: TrialState) -> str:
        """Return a new Ray trial id for a run."""
        self._number += 1
        run = run_name(trial.name, self.attempt, self._number)
        self._trial_of[run] = trial.name
        return run

    def report(self, run: str, result: dict[str, Any]) -> bool:
        """Pass a result on, once; return whether the run goes on.

        Tune asks its scheduler about a result, but not about one that the trial itself marked
        as its last; the callback sees both.
        """
        name, key = self._trial_of.get(run), (run, int(result.get(TRAINING_ITERATION, 0)))
        if name is None or key == self._judged:
            return False
        self._judged = key
        metrics = numbers_of(result, [o.metric for o in self.study.spec.objectives])
        goes_on = not metrics or self.study.report(name, metrics, self.clock())
        if goes_on and self.is_draining and not result.get(DONE):
            self._interrupted.add(run)
            return False
        return goes_on

    def saved(self, run: str, path: str) -> None:
        """Pass on that a checkpoint is complete."""
        name = self._trial_of.get(run)
        if name is not None:
            self.study.saved(name, str(Path(path).relative_to(self.directory)), self.clock())

    def ended(self, run: str) -> None:
        """Pass on that a run gave its slot back."""
        name = self._trial_of.pop(run, None)
        if name is not None:
            self.study.run_ended(name, self.clock(), is_interrupted=run in self._interrupted)

    def failed(self, run: str, error: Exception) -> None:
        """Pass on that a run ended with an error."""
        name = self._trial_of.pop(run, None)
        if name is not None:
            cause, message, is_to_blame = diagnose(error)
            self.study.run_failed(name, cause, message, self.clock(), is_to_blame=is_to_blame)


def numbers_of(result: dict[str, Any], first: list[str]) -> dict[str, float]:
    """Return a result's own metrics: numbers that Ray did not add, the objectives' for certain, bounded in number."""
    numbers: dict[str, float] = {}
    for name, value in flat(result).items():
        number = _number_of(value)
        if number is not None and name not in NOT_METRICS and not name.startswith(("config/", "__")):
            numbers[printable(name)[:63]] = number
    names = [n for n in first if n in numbers] + sorted(numbers.keys() - set(first))
    return {name: numbers[name] for name in names[:METRICS_SHOWN]}


def flat(result: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return a result without nesting: `{"val": {"loss": 1}}` has `val/loss`. Names may be anything; depth ends."""
    found: dict[str, Any] = {}
    for key, value in result.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}/", depth + 1) if depth < MAX_DEPTH else {}
        else:
            found[name] = value
    return found


def printable(text: str) -> str:
    """Return a text that JSON can hold: half characters are replaced."""
    return text.encode(errors="replace").decode()


def diagnose(error: Exception) -> tuple[str, str, bool]:
    """Return the cause, the message and whether the trial itself is to blame for a run's error."""
    message = printable(str(error))
    if isinstance(error, RayActorError):
        if BORN_DEAD in message:
            return "Exception", message, True
        return "WorkerLost", message, False
    if isinstance(error, RayTaskError):
        if "ProgramFailed" in type(error).__name__:
            return "ExitCode", printable(str(error.cause)), True
        return "Exception", message, True
    return "Exception", f"{type(error).__name__}: {message}", True


def _number_of(value: Any) -> float | None:
    """Return what a trial reported as a number, if it is one; whatever else it is must not end the search."""
    if isinstance(value, str | bytes):
        return None
    try:
        value = value.item() if hasattr(value, "item") else value  # NumPy's and torch's, if they hold a single one
        return float(value) if hasattr(value, "__float__") else None
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:
        return None


class Proposals(SearchAlgorithm):
    """Tune's source of trials: whatever the study wants to run next."""

    def __init__(self, runs: Runs, make_trial: Callable[[str, TrialState], Trial]) -> None:
        """Take runs from a study and make Ray trials of them."""
        self._runs = runs
        self._make_trial = make_trial

    def next_trial(self) -> Trial | None:
        """Return the next run as a Ray trial, or None when no slot is free or nothing can start."""
        if self._runs.is_draining or not self._has_room():
            return None
        trial = self._runs.study.next_run(self._runs.clock())
        return self._make_trial(self._runs.begin(trial), trial) if trial else None

    def _has_room(self) -> bool:
        """Tell whether a worker has room for one more run: one that waits for a worker would count and cost already."""
        live = self._runs.live
        if live >= self._runs.study.budget.parallel_trials:
            return False
        slots = int(ray.cluster_resources().get(SLOT, 0))
        if not slots and not live:
            time.sleep(NO_WORKER_SECONDS)  # nothing runs that Tune could wait for, so it would spin
        return live < slots

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

    def __init__(self, runs: Runs, make_trial: Callable[[str, TrialState], Trial], storage: StorageContext) -> None:
        """Run the trials of a study; Ray is connected already."""
        self._runs = runs
        super().__init__(
            search_alg=Proposals(runs, make_trial),
            scheduler=Verdicts(runs),
            callbacks=[Notes(runs)],
            storage=storage,
            reuse_actors=True,
        )

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Write nothing."""

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
            self._runs.failed(trial.trial_id, RayActorError())


class TrialFactory:
    """Makes Ray trials: resources, storage and the checkpoint to start from."""

    def __init__(
        self, name: str, resources: dict[str, float], checkpoints: CheckpointConfig, storage: StorageContext
    ) -> None:
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
