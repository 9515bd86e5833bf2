"""One real local Ray for all tests of this folder, with warm processes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from luthier.api.keys import SLOT
from luthier.trial.ray_node import HEALTH_CHECKS, QUIET

SUPPORT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def a_running_ray():
    import ray

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
    for name, value in (QUIET | HEALTH_CHECKS).items():
        os.environ.setdefault(name, value)
    ray.init(
        address="local",
        num_cpus=4,
        num_gpus=0,
        resources={SLOT: 100},
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
    )
    yield
    ray.shutdown()
