"""From the manifest's `function` or `command` to a class that Ray Tune runs, kept warm between trials.

A user's function or Trainable class is taken as it is. Ray asks a class for `reset_config` before it
reuses its process; one that has none is set up anew in the same process instead of failing the trial.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from ray import tune
from ray.tune.trainable import FunctionTrainable, wrap_function

from luthier.api.catalogue import SCHEDULERS, SchedulerKind
from luthier.api.experiment import Trial
from luthier.trial.command import command_trainable
from luthier.trial.errors import BadExperiment


def load_trainable(trial: Trial) -> type[tune.Trainable]:
    """Return the class that Ray Tune runs for a manifest's trial.

    Raises:
        BadExperiment: the module can't be imported, has no such attribute, or it is no trainable.
    """
    if trial.command is not None:
        return command_trainable(trial)
    assert trial.function is not None  # noqa: S101 - the manifest has one or the other
    return _as_class(_import(trial.function), trial.function)


def saves_when_told(trainable: type[tune.Trainable]) -> bool:
    """Whether the trainable is a class that can save; a function saves when its own code reports a checkpoint."""
    return not issubclass(trainable, FunctionTrainable) and _overrides_save(trainable)


def check_can_pause(trainable: type[tune.Trainable], scheduler: SchedulerKind) -> None:
    """Refuse a class without checkpoints where the scheduler moves them.

    Raises:
        BadExperiment: it can't save.
    """
    if SCHEDULERS[scheduler].needs_checkpoints and not _overrides_save(trainable):
        raise BadExperiment(
            f"scheduler.{scheduler} moves checkpoints, and {trainable.__name__} has no save_checkpoint; "
            "write save_checkpoint and load_checkpoint, or use asha or medianStopping"
        )


def _overrides_save(trainable: type[tune.Trainable]) -> bool:
    return trainable.save_checkpoint is not tune.Trainable.save_checkpoint


def _import(path: str) -> Any:
    module_name, attribute = path.split(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise BadExperiment(f"trial.function: {path}: import of {module_name} failed: {_said(error)}") from error
    if not hasattr(module, attribute):
        names = ", ".join(name for name in vars(module) if not name.startswith("_"))
        raise BadExperiment(f"trial.function: {path}: {module_name} has no {attribute}; it has {names[:200]}")
    return getattr(module, attribute)


def _as_class(trainable: Any, path: str) -> type[tune.Trainable]:
    if inspect.isclass(trainable) and issubclass(trainable, tune.Trainable):
        return _keep_warm(trainable)
    if callable(trainable) and not inspect.isclass(trainable):
        try:
            return wrap_function(trainable)
        except ValueError as error:
            raise BadExperiment(f"trial.function: {path}: {error}") from error
    raise BadExperiment(f"trial.function: {path} must be a function of one config or a ray.tune.Trainable class")


def _keep_warm(user_class: type[tune.Trainable]) -> type[tune.Trainable]:
    class Warm(user_class):
        def reset_config(self, new_config: dict[str, Any]) -> bool:
            if not super().reset_config(new_config):
                self.cleanup()
                self.setup(dict(new_config))
            return True

    Warm.__name__ = Warm.__qualname__ = user_class.__name__
    return Warm


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
