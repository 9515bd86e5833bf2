"""`luthier convert`: a Katib Experiment, or a Ray Tune or Optuna space in Python, as a TuningExperiment."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from luthier.api.manifest import ManifestError, load
from luthier.cli.conversion import Conversion, manifest
from luthier.cli.errors import Exit, Refusal, speaks_plainly
from luthier.cli.formats import DocumentFormat, as_json, as_yaml
from luthier.cli.katib import from_katib
from luthier.cli.spaces import NoSpace, parameters_of
from luthier.cli.user_code import load_attribute

KATIB = "kubeflow.org/"


class Direction(StrEnum):
    """Which way is better."""

    MAXIMIZE = "Maximize"
    MINIMIZE = "Minimize"


@speaks_plainly
def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="YAML of a Katib Experiment; or module:attribute, a Ray Tune or Optuna space.", metavar="FILE|M:A"
        ),
    ],
    metric: Annotated[str, typer.Option("--metric", help="Objective, for a space.")] = "loss",
    direction: Annotated[
        Direction, typer.Option("--direction", case_sensitive=False, help="For a space.")
    ] = Direction.MINIMIZE,
    function: Annotated[
        str, typer.Option("--function", help="What a trial runs, for a space.", metavar="M:A")
    ] = "train:train",
    name: Annotated[str, typer.Option("--name", help="Of the experiment, for a space.")] = "converted",
    style: Annotated[DocumentFormat, typer.Option("--output", "-o", help="yaml or json.")] = DocumentFormat.YAML,
) -> None:
    """Print a TuningExperiment made of a Katib Experiment, or of a search space in Python; say what has no equal.

    A module is imported here, so its code runs. Exit code 1: something has to be mended by hand before it is valid.

    Example: luthier convert katib.yaml > experiment.yaml
    """
    if Path(source).is_file():
        found = _from_file(Path(source))
    elif ":" in source:
        found = _from_python(source, name, metric, direction, function)
    else:
        raise Refusal(
            f"There is no file {source}.", hint="Name a Katib Experiment's YAML, or a space as module:attribute."
        )
    if style is DocumentFormat.JSON:
        sys.stdout.write(as_json(found.document))
    else:
        sys.stdout.write("".join(f"# {line}\n" for line in remarks(found)) + as_yaml(found.document))
    console = Console(stderr=True, highlight=False)
    for line in remarks(found):
        console.print(line, soft_wrap=True, markup=False)
    raise typer.Exit(Exit.FAILED if found.problems else Exit.OK)


def remarks(found: Conversion) -> list[str]:
    """Return what has no equal and what has to be mended, a line each."""
    lost = [f"No equal: {note}" for note in dict.fromkeys(found.notes)]
    return [*lost, *(f"To be mended: {problem}" for problem in found.problems)]


def _from_file(path: Path) -> Conversion:
    try:
        documents = [document for document in load(path) if isinstance(document, dict)]
    except ManifestError as error:
        raise Refusal(f"{path} can't be read: {error}") from error
    experiments = [
        document
        for document in documents
        if document.get("kind") == "Experiment" and str(document.get("apiVersion", "")).startswith(KATIB)
    ]
    if len(experiments) != 1:
        raise Refusal(
            f"{path} holds {len(experiments) or 'no'} Katib Experiment{'s' if len(experiments) > 1 else ''}.",
            hint="Name a file with exactly one (apiVersion kubeflow.org/v1beta1, kind Experiment).",
        )
    try:
        return from_katib(experiments[0])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(
            f"{path} is not as Katib's API says: {type(error).__name__}: {error}", hint="Would Katib accept it?"
        ) from error


def _from_python(path: str, name: str, metric: str, direction: Direction, function: str) -> Conversion:
    try:
        parameters, notes = parameters_of(load_attribute(path))
    except NoSpace as error:
        raise Refusal(f"{path}: {error}.", hint="Name a dict of domains, or a function of an Optuna trial.") from error
    spec: dict[str, Any] = {
        "objectives": [{"metric": metric, "direction": direction.value}],
        "parameters": parameters,
        "search": {"algorithm": "TPE"},
        "budget": {"trials": 20},
        "trial": {"function": function},
    }
    return Conversion(manifest(name, spec), tuple(notes))
