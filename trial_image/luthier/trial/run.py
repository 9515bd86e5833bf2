"""Running an experiment on this machine, with a Ray of its own; the driver pod does the same with a cluster's."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from luthier.api.keys import SLOT
from luthier.api.manifest import Experiment
from luthier.api.wire import Report
from luthier.trial import ledger
from luthier.trial.command import ENV_CODE
from luthier.trial.engine import Engine, OnReport
from luthier.trial.ray_node import QUIET

TOKEN_ADVICE = "ray._private.authentication.authentication_token_setup"  # noqa: S105 - a name, not a secret
"""Ray's logger that tells of its token each time, and how to do without one."""


def run_experiment(
    experiment: Experiment,
    directory: Path,
    *,
    code: Path | None,
    attempt: int | None = None,
    on_report: OnReport,
    on_the_way: Callable[[], None] | None = None,
) -> Report:
    """Run an experiment to its end, or until SIGINT or SIGTERM, after which the same call goes on.

    Args:
        experiment: what to run; GPUs are left out of account on a machine of one's own.
        directory: ledger and checkpoints; made if need be.
        code: folder to import the trial's code from.
        attempt: number of this attempt; by default one more than the last in the directory.
        on_report: called with each new report, at most twice a second.
        on_the_way: called at most twice a second while it runs.

    Returns:
        The last report; `outcome` is None when the run was interrupted.

    Raises:
        BadExperiment: the user's code or manifest can't work.
        Fenced: a newer attempt owns the directory.
    """
    directory = directory.resolve()
    number = attempt or ledger.last_attempt(directory) + 1
    engine = Engine(_without_gpus(experiment), directory, number, on_report, on_the_way=on_the_way)
    with importable(code), stopping(engine), local_ray(engine):
        return engine.run()


@contextlib.contextmanager
def importable(code: Path | None) -> Iterator[None]:
    """Let this process and Ray's import the trial's code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if code is None:
        yield
        return
    path = str(code.resolve())
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [path, before]))
    os.environ[ENV_CODE] = path
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)
        del os.environ[ENV_CODE]
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextlib.contextmanager
def stopping(engine: Engine) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM save and leave; only a main thread can listen."""

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        engine.stop()

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def local_ray(engine: Engine) -> Iterator[None]:
    """Start a Ray that holds the experiment's parallel trials, and stop it."""
    import ray

    logging.getLogger(TOKEN_ADVICE).setLevel(logging.ERROR)
    slots = engine.experiment.spec.budget.parallel_trials
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, math.ceil(slots * engine.experiment.spec.trial.resources.cpu)),
        num_gpus=0,
        resources={SLOT: 1000},
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _without_gpus(experiment: Experiment) -> Experiment:
    trial = experiment.spec.trial
    resources = trial.resources.model_copy(update={"gpu": 0.0})
    spec = experiment.spec.model_copy(
        update={
            "trial": trial.model_copy(update={"resources": resources}),
            "budget": experiment.spec.budget.model_copy(update={"gpu_hours": None}),
        }
    )
    return experiment.model_copy(update={"spec": spec})
