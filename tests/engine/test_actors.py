"""Ray ends processes itself, for their node's memory or with their node: no other trial may suffer from it."""

from __future__ import annotations

import time

import pytest
from ray.air.execution import FixedResourceManager, ResourceRequest
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError

from luthier.api.failures import Cause
from luthier.trial.diagnosis import diagnose
from luthier.trial.tune_actors import ActorManager

pytestmark = pytest.mark.ray
SHORT = "1 worker(s) were killed due to the node running low on memory. It was 1.0GB used / 1.0GB limit\nTop users: ..."


class Idle:
    def is_here(self):
        return True


def a_started_actor():
    manager = ActorManager(resource_manager=FixedResourceManager({"CPU": 1}))
    actor = manager.add_actor(Idle, {}, ResourceRequest([{"CPU": 1}]))
    deadline = time.monotonic() + 30
    while not manager.num_live_actors:
        assert time.monotonic() < deadline
        manager.next(timeout=0.1)
    return manager, actor


@pytest.mark.parametrize(
    ("error", "cause"),
    [(OutOfMemoryError(SHORT), Cause.OUT_OF_MEMORY), (NodeDiedError("the node is gone"), Cause.WORKER_LOST)],
    ids=["for memory", "with its node"],
)
def test_a_process_that_ray_ended_is_a_lost_process_and_ends_nothing_else(error, cause):
    manager, actor = a_started_actor()
    heard = []
    task = TrackedActorTask(actor, on_error=lambda _, found: heard.append(found))

    manager._actor_task_failed(task, error)

    (lost,) = heard
    assert isinstance(lost, RayActorError)
    assert diagnose(lost).cause is cause
    assert str(lost) == str(error).partition("\n")[0]
    assert manager.is_actor_failed(actor)
    manager.cleanup()
