"""Settings from the environment, errors from answers, health from facts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from luthier.operator import errors
from luthier.operator.health import WATCH_SECONDS, Health
from luthier.operator.notes import Notebook
from luthier.operator.queue import WorkQueue
from luthier.operator.settings import Settings, SettingsError
from support.operator_builders import NOW


def test_an_empty_environment_serves_the_whole_cluster() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"LUTHIER_NAMESPACES": ""}).namespaces == ()


def test_namespaces_are_separated_by_commas() -> None:
    assert Settings.from_environment({"LUTHIER_NAMESPACES": "b, a,,b"}).namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LUTHIER_METRICS_PORT", "http"),
        ("LUTHIER_METRICS_PORT", "0"),
        ("LUTHIER_PROGRESS_PORT", "65536"),
        ("LUTHIER_IMAGE_PULL_POLICY", "Sometimes"),
        ("LUTHIER_LOG_LEVEL", "loud"),
        ("LUTHIER_DRIVER_CLIENTS", "everybody"),
        ("LUTHIER_DRIVER_CLIENTS", '{"podSelector": {}}'),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize(
    ("code", "reason", "message", "kind"),
    [
        (404, "NotFound", "", errors.NotFoundError),
        (409, "AlreadyExists", "", errors.AlreadyExistsError),
        (409, "Conflict", "the object has been modified", errors.ConflictError),
        (403, "Forbidden", "exceeded quota: few, requested: pods=1", errors.QuotaExceededError),
        (403, "Forbidden", 'violates PodSecurity "restricted:latest"', errors.ForbiddenError),
        (422, "Invalid", "spec.containers: Required value", errors.RejectedError),
        (429, "TooManyRequests", "", errors.UnavailableError),
        (500, "InternalError", "etcdserver: request timed out", errors.UnavailableError),
        (500, "InternalError", 'failed calling webhook "x"', errors.ForbiddenError),
        (503, "", "", errors.UnavailableError),
    ],
)
def test_each_answer_has_its_error(code: int, reason: str, message: str, kind: type[errors.ClusterError]) -> None:
    error = errors.from_answer(code, reason, message)
    assert (type(error), str(error)) == (kind, message)


def test_a_watch_that_does_not_show_what_was_written_is_not_alive() -> None:
    async def scenario() -> None:
        notebook = Notebook()
        health = Health(WorkQueue(), notebook)
        page = notebook.page("u1")
        page.written_version, page.written_at = 12, NOW
        late = NOW + timedelta(seconds=WATCH_SECONDS + 1)
        health.saw("u1", 11)
        assert health.problem(NOW) is None
        assert "watch" in str(health.problem(late))
        health.saw("u1", 12)
        assert health.problem(late) is None

    asyncio.run(scenario())


def test_a_loop_that_stands_still_is_not_alive() -> None:
    async def scenario() -> None:
        health = Health(WorkQueue(), Notebook())
        ticking = asyncio.create_task(health.tick())
        await asyncio.sleep(0)
        assert health.problem(NOW) is None
        ticking.cancel()

    asyncio.run(scenario())
