"""What a pod offers to Ray, and what it prepares before the first trial."""

from __future__ import annotations

import pytest

from luthier.api.keys import ENV_CPUS, ENV_SLOTS
from luthier.trial.ray_node import WARM, resource_flags, warm_start


@pytest.fixture
def pod(monkeypatch):
    def with_(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))

    return with_


def test_a_process_is_prepared_for_each_slot(pod):
    pod(**{ENV_SLOTS: 3, ENV_CPUS: 1})
    assert warm_start() == WARM
    assert "--num-cpus=3" in resource_flags()


def test_nothing_is_prepared_where_ray_would_prepare_more_than_there_are_slots(pod):
    pod(**{ENV_SLOTS: 1, ENV_CPUS: 8})
    assert warm_start() == {}
    assert "--num-cpus=8" in resource_flags()


def test_a_driver_without_slots_prepares_nothing(pod):
    pod(**{ENV_SLOTS: 0, ENV_CPUS: 0})
    assert warm_start() == {}
    assert "--num-cpus=0" in resource_flags()
