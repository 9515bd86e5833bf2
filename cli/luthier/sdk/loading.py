"""Opening an experiment that is, or was: the folder of a local run, or a name in the cluster."""

from __future__ import annotations

from pathlib import Path

from luthier.sdk.result import Result


def load(target: str | Path, namespace: str | None = None) -> Result:
    """Return what an experiment has found so far; it may still run.

    Args:
        target: folder of a local run, or name of an experiment in the cluster.
        namespace: in the cluster; by default that of kubectl's current context.

    Raises:
        Refusal: there is no such experiment, or it can't be reached.

    >>> load("luthier-results/nothing-1")
    Traceback (most recent call last):
    ...
    luthier.cli.errors.Refusal: luthier-results/nothing-1 was not made by `luthier run`: it has no experiment.json.
    """
    return Result(str(target), namespace).refresh()
