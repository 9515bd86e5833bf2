"""A Ray of this process's own, on which both sides of a comparison take turns."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.places import ENVIRONMENT
from luthier.api.keys import SLOT
from luthier.api.manifest import parse
from luthier.trial.ray_node import QUIET

PARALLEL = 4
Json = dict[str, Any]


@contextlib.contextmanager
def a_ray() -> Iterator[None]:
    """Start a Ray without Tune's own loggers, for either side, and stop it."""
    import ray

    os.environ["PYTHONPATH"] = ENVIRONMENT["PYTHONPATH"]
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray.init(
        address="local",
        num_cpus=PARALLEL,
        num_gpus=0,
        resources={SLOT: PARALLEL},
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
    )
    try:
        yield
    finally:
        ray.shutdown()


def ours(spec: Json) -> float:
    """Run an experiment with all that a driver does but serving its report; return its seconds."""
    from luthier.trial.engine import Engine

    with tempfile.TemporaryDirectory() as folder:
        experiment = parse({"metadata": {"name": "bench"}, "spec": spec})
        began = time.perf_counter()
        report = Engine(experiment, Path(folder), 1, lambda _: None).run()
        took = time.perf_counter() - began
    if report.outcome is None or not report.outcome.succeeded:
        raise RuntimeError(f"the experiment did not succeed: {report.outcome}")
    return took


def raw(trainable: Any, space: Json, **tune_config: Any) -> float:
    """Run a search of Ray Tune's own, its processes warm, without checkpoints at the end; return its seconds."""
    from ray import tune

    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(max_concurrent_trials=PARALLEL, reuse_actors=True, **tune_config),
            run_config=tune.RunConfig(
                storage_path=folder,
                name="raw",
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        began = time.perf_counter()
        tuner.fit()
        return time.perf_counter() - began
