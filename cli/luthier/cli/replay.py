"""`luthier replay`: the schedule of parameters that the winner's weights lived through, to train by it again."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import DocumentFormat, as_json, as_yaml
from luthier.cli.page import lineage_note
from luthier.cli.targets import Found, find
from luthier.trial.lineage import BrokenLineage, schedule_of


@speaks_plainly
def replay(
    target: Annotated[str, typer.Argument(help="Folder of a local run, or name in the cluster.", metavar="NAME|DIR")],
    style: Annotated[DocumentFormat, typer.Option("--format", "-f", help="yaml or json.")] = DocumentFormat.YAML,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace in the cluster.")] = None,
) -> None:
    """Print the schedule of the best trial's weights, followed back through the trials they were copied from.

    Each entry holds from its `firstIteration` through its `lastIteration`, counted from 1 over the life of the weights.

    Example: luthier replay luthier-results/digits-pbt-1 --format json
    """
    found = find(target, namespace, with_exploits=True)
    document = schedule_document(found)
    note = lineage_note(found.snapshot, found.exploits)
    if note:
        Console(stderr=True, highlight=False).print(f"Note: {note}", markup=False)
    sys.stdout.write(as_json(document) if style is DocumentFormat.JSON else as_yaml(document))


def schedule_document(found: Found) -> dict[str, Any]:
    """Return the schedule as a plain document.

    Raises:
        Refusal: the copies contradict each other.
    """
    try:
        stretches = schedule_of(found.best, found.exploits)
    except BrokenLineage as error:
        raise Refusal(
            f"The lineage can't be followed: {error}.", hint="Is the ledger of another experiment mixed in?"
        ) from error
    return {
        "experiment": found.snapshot.name,
        "trial": found.best.trial,
        "iterations": stretches[-1].last_iteration if stretches else 0,
        "metrics": dict(found.best.metrics),
        "schedule": [
            {
                "firstIteration": stretch.first_iteration,
                "lastIteration": stretch.last_iteration,
                "trial": stretch.trial,
                "parameters": dict(stretch.parameters),
            }
            for stretch in stretches
        ],
    }
