"""What may change in an experiment once it has started, and who may own which part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luthier.api.experiment import FROZEN_ONCE_STARTED
from support.apiserver import Experiments, Kubectl, Refused
from support.bad_manifests import a_manifest

pytestmark = pytest.mark.apiserver

STARTED = {"startTime": "2026-01-01T00:00:00Z"}
CHANGES: dict[str, Any] = {
    "objectives": [{"metric": "accuracy", "direction": "Minimize"}],
    "parameters": [{"name": "x", "type": "Double", "min": 0, "max": 1}],
    "search": {"seed": 8},
    "scheduler": {"asha": {"gracePeriod": 2}},
    "trial": {"retries": 3},
    "driver": {"template": {"spec": {"priorityClassName": "high"}}},
    "workers": {"template": {"spec": {"priorityClassName": "high"}}},
    "storage": {"size": "2Gi"},
}
"""A merge patch that would be good for each frozen field, were it not frozen."""


@pytest.fixture
def name(experiments: Experiments, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of an experiment that has not started."""
    name = f"e{abs(hash(request.node.name)) % 10**9}"
    experiments.create(a_manifest(name))
    yield name
    experiments.delete(name)


def test_every_frozen_field_has_a_change_to_try() -> None:
    assert set(CHANGES) == set(FROZEN_ONCE_STARTED)


@pytest.mark.parametrize("field", FROZEN_ONCE_STARTED)
def test_a_frozen_field_may_change_until_the_start_and_not_after(
    experiments: Experiments, name: str, field: str
) -> None:
    experiments.patch_status(name, STARTED)
    with pytest.raises(Refused, match=f"`spec.{field}` may not change once the experiment has started"):
        experiments.patch(name, {"spec": {field: CHANGES[field]}})
    experiments.patch_status(name, {"startTime": None})
    experiments.patch(name, {"spec": {field: CHANGES[field]}})


def test_a_scheduler_may_not_be_taken_away_after_the_start(experiments: Experiments, name: str) -> None:
    experiments.patch(name, {"spec": {"scheduler": {"asha": {}}}})
    experiments.patch_status(name, STARTED)
    with pytest.raises(Refused, match=r"`spec.scheduler` may not change"):
        experiments.patch(name, {"spec": {"scheduler": None}})


@pytest.mark.parametrize(
    "change",
    [{"budget": {"trials": 100, "parallelTrials": 8}}, {"suspend": True}, {"ttlSecondsAfterFinished": 60}],
    ids=lambda change: next(iter(change)),
)
def test_budget_suspend_and_time_to_live_may_change_after_the_start(
    experiments: Experiments, name: str, change: dict[str, Any]
) -> None:
    experiments.patch_status(name, STARTED)
    before = experiments.get(name)["metadata"]["generation"]
    assert experiments.patch(name, {"spec": change})["metadata"]["generation"] == before + 1


def test_a_status_is_written_by_its_own_door_only(experiments: Experiments, name: str) -> None:
    assert "status" not in experiments.patch(name, {"status": STARTED})
    assert experiments.patch_status(name, STARTED)["status"] == STARTED


def test_labels_may_change_after_the_start(experiments: Experiments, name: str) -> None:
    experiments.patch_status(name, STARTED)
    experiments.patch(name, {"metadata": {"labels": {"team": "vision"}}})


def test_two_managers_own_two_parameters(kubectl: Kubectl, experiments: Experiments) -> None:
    base = a_manifest("shared")
    lr, *_ = base["spec"]["parameters"]
    base["spec"]["parameters"] = [lr]
    depth = {"name": "depth", "type": "Integer", "min": 1, "max": 4}
    second = {
        **{key: base[key] for key in ("apiVersion", "kind", "metadata")},
        "spec": {"parameters": [depth]},
    }
    kubectl("apply", "--server-side", "--field-manager=alice", "--filename", "-", stdin=base)
    kubectl("apply", "--server-side", "--field-manager=bob", "--filename", "-", stdin=second)
    assert [p["name"] for p in experiments.get("shared")["spec"]["parameters"]] == ["lr", "depth"]
    base["spec"]["parameters"] = [{**lr, "max": 0.5}]
    kubectl("apply", "--server-side", "--field-manager=alice", "--filename", "-", stdin=base)
    assert [p["max"] for p in experiments.get("shared")["spec"]["parameters"]] == [0.5, 4]
    experiments.delete("shared")
