"""What a command is asked about: the folder of a local run, or an experiment in the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.api.status import Exploit, TrialResult
from luthier.cli import results
from luthier.cli.errors import Refusal
from luthier.cli.records import is_folder
from luthier.cli.snapshot import Snapshot, of_object, of_report


@dataclass(frozen=True)
class Found:
    """An experiment with its best trial."""

    snapshot: Snapshot
    best: TrialResult
    exploits: Sequence[Exploit]
    manifest: dict[str, Any]
    """The experiment as it is kept: of any version, maybe with a status."""


Parts = tuple[Snapshot, Sequence[Exploit], dict[str, Any]]


def find(target: str, namespace: str | None, *, with_exploits: bool = False) -> Found:
    """Return the experiment of a folder, or else of that name in the cluster.

    Raises:
        Refusal: there is none, or it has no best trial yet.
    """
    if is_folder(target, namespace):
        snapshot, exploits, manifest = _in_folder(Path(target), with_exploits=with_exploits)
    else:
        snapshot, exploits, manifest = _in_cluster(target, namespace)
    if snapshot.best is None:
        raise Refusal(
            f"No trial of {snapshot.name} has given a result yet; it is {snapshot.state}.", hint="Wait for the first."
        )
    return Found(snapshot, snapshot.best, exploits, manifest)


def _in_folder(folder: Path, *, with_exploits: bool) -> Parts:
    experiment = results.read_experiment(folder)
    snapshot = of_report(experiment, results.read_report(folder))
    return snapshot, results.read_exploits(folder) if with_exploits else (), experiment.to_json()


def _in_cluster(name: str, namespace: str | None) -> Parts:
    from luthier.cli.cluster import connect

    obj = connect(namespace).read(name)
    snapshot = of_object(obj)
    return snapshot, snapshot.population.lineage if snapshot.population else (), obj
