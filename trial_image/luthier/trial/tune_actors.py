"""Tune's manager of actors, which knows a process that died from a task that failed, and nothing in between.

A process that Ray itself ends, for its node's memory or with its node, comes as an error of another kind;
Tune raises over it and takes all other trials along.
"""

from __future__ import annotations

from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import RayActorError, RayError, RayTaskError


class ActorManager(RayActorManager):
    """Takes whatever ends a process for the loss of that process."""

    def _actor_task_failed(self, tracked_actor_task: TrackedActorTask, exception: Exception) -> None:
        is_strange = isinstance(exception, RayError) and not isinstance(exception, RayActorError | RayTaskError)
        super()._actor_task_failed(tracked_actor_task, _as_loss(exception) if is_strange else exception)


def _as_loss(error: Exception) -> RayActorError:
    """Return the error as that of a lost process, with its first line: the others list all processes of the node."""
    return RayActorError(error_msg=str(error).strip().partition("\n")[0])
