"""How long a search takes to go on after something happened to a worker; the bench prints it, tests bound it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luthier.api.manifest import Experiment
from luthier.trial.engine import Engine
from support.real_runs import records
from support.worker_nodes import WorkerNode, Workers


@dataclass(frozen=True)
class Recovery:
    """What became of the one trial of an experiment; times are seconds after it happened."""

    cause: str
    noticed: float
    next_result: float
    repeated: int
    """Reports that were made again, from the last checkpoint on."""


def recovery_from(
    disturb: Callable[[WorkerNode], None], workers: Workers, experiment: Experiment, directory: Path
) -> Recovery:
    """Run a trial that reports its `process`, do something to its worker after that, and say how it went on."""
    happened: list[float] = []

    def watch(report) -> None:
        if report.best and not happened:
            node = workers.holding(int(report.best.metrics["process"]))
            happened.append(time.time())
            disturb(node)

    Engine(experiment, directory, 1, watch, workers.nodes).run()
    (lost,) = records(directory, "retry")
    results = records(directory, "result")
    after = next(record for record in results if record.time > lost.time)
    again = records(directory, "run")[-1].iteration
    before = sum(record.time <= lost.time for record in results)
    return Recovery(lost.cause, lost.time - happened[0], after.time - happened[0], before - again)
