"""`luthier replay`: the schedule of parameters that the winner's weights lived through, to train by it again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import typer
from rich.console import Console

from luthier.api.catalogue import Algorithm, SchedulerKind
from luthier.api.manifest import NAME_CHARACTERS, Experiment, ManifestError, parse
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import DocumentFormat, as_json, as_yaml
from luthier.cli.page import lineage_note
from luthier.cli.targets import Found, find
from luthier.cli.view import scores
from luthier.trial.lineage import BrokenLineage, Stretch, schedule_of

SUFFIX = "-replay"
NOT_OF_THE_TRAINING = ("objectives", "parameters", "search", "scheduler", "budget", "suspend")
"""Parts of the spec that a replay has its own of."""


@speaks_plainly
def replay(
    target: Annotated[str, typer.Argument(help="Folder of a local run, or name in the cluster.", metavar="NAME|DIR")],
    style: Annotated[
        DocumentFormat, typer.Option("--output", "-o", "--format", "-f", help="yaml or json.")
    ] = DocumentFormat.YAML,
    only_schedule: Annotated[
        bool, typer.Option("--schedule", help="Print only the schedule, with the trials that it leads through.")
    ] = False,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace in the cluster.")] = None,
) -> None:
    """Print a manifest that trains once more as the best trial's weights were trained.

    Their way is followed back through the trials they were copied from. Keep the manifest beside the training code.

    Example: luthier replay luthier-results/digits-pbt-1 > examples/digits-pbt/replay.yaml
    """
    found = find(target, namespace, with_exploits=True)
    document = schedule_document(found) if only_schedule else manifest_document(found)
    if style is DocumentFormat.YAML:
        about = f"{scores(found.best, found.snapshot.objectives)} at iteration {found.best.iteration}"
        sys.stdout.write(f"# {found.best.trial} of {found.snapshot.name}: {about}\n")
    note = lineage_note(found.snapshot, found.exploits)
    if note:
        Console(stderr=True, highlight=False).print(f"Note: {note}", markup=False)
    sys.stdout.write(as_json(document) if style is DocumentFormat.JSON else as_yaml(document))


def schedule_document(found: Found) -> dict[str, Any]:
    """Return the schedule as a plain document.

    Raises:
        Refusal: the copies contradict each other.
    """
    stretches = _stretches(found)
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


def manifest_document(found: Found) -> dict[str, Any]:
    """Return a manifest of one trial that is trained by the schedule; it says only what differs from the defaults.

    Raises:
        Refusal: the copies contradict each other, or the experiment was written for another version.
    """
    original = _parsed(found.manifest, f"The manifest of {found.snapshot.name} is not of this version:")
    if original.spec.scheduler_kind is SchedulerKind.REPLAY and not found.exploits:
        raise Refusal(
            f"{found.snapshot.name} is a replay itself.", hint="The schedule stands in its own manifest; apply that."
        )
    document = _document(original, _stretches(found))
    _parsed(document, "The schedule does not make a manifest:")
    return document


def _stretches(found: Found) -> Sequence[Stretch]:
    try:
        return schedule_of(found.best, found.exploits)
    except BrokenLineage as error:
        raise Refusal(
            f"The lineage can't be followed: {error}.", hint="Is the ledger of another experiment mixed in?"
        ) from error


def _document(original: Experiment, stretches: Sequence[Stretch]) -> dict[str, Any]:
    spec = original.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    changes = _changes(stretches)
    return {
        "apiVersion": original.api_version,
        "kind": original.kind,
        "metadata": _metadata(original),
        "spec": {
            "objectives": [
                {part: value for part, value in goal.items() if part != "target"} for goal in spec["objectives"]
            ],
            "parameters": spec["parameters"],
            "search": {
                "algorithm": Algorithm.RANDOM.value,
                "initialPoints": [{"values": dict(stretches[0].parameters)}],
            },
            **({"scheduler": {SchedulerKind.REPLAY.value: {"schedule": changes}}} if changes else {}),
            "budget": {"trials": 1, "parallelTrials": 1, "iterationsPerTrial": stretches[-1].last_iteration},
            **{part: value for part, value in spec.items() if part not in NOT_OF_THE_TRAINING},
        },
    }


def _changes(stretches: Sequence[Stretch]) -> list[dict[str, Any]]:
    return [
        {"firstIteration": after.first_iteration, "values": dict(after.parameters)}
        for before, after in pairwise(stretches)
        if after.parameters != before.parameters
    ]


def _metadata(original: Experiment) -> dict[str, str]:
    stem = original.metadata.name[: NAME_CHARACTERS - len(SUFFIX)].rstrip("-")
    place = original.metadata.namespace
    return {"name": stem + SUFFIX, **({"namespace": place} if place != "default" else {})}


def _parsed(document: dict[str, Any], fault: str) -> Experiment:
    try:
        return parse(document)
    except ManifestError as error:
        raise Refusal(
            fault, problems=error.problems, hint="Print only the schedule: luthier replay --schedule"
        ) from error
