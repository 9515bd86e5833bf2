"""`luthier best`: the winner's parameters, for people and for other programs, and its checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from luthier.cli.errors import speaks_plainly
from luthier.cli.formats import Format, as_args, as_json, as_yaml
from luthier.cli.options import Namespace, Target
from luthier.cli.records import open_archive
from luthier.cli.targets import Found, find
from luthier.cli.view import scores
from luthier.cli.winner import copy_best_checkpoint


@speaks_plainly
def best(
    target: Target,
    style: Annotated[
        Format,
        typer.Option("--output", "-o", "--format", "-f", help="yaml, json, or args for a command line."),
    ] = Format.YAML,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="Also copy its checkpoint to this folder, new or empty.", metavar="DIR"),
    ] = None,
    namespace: Namespace = None,
) -> None:
    """Print the parameters of the best trial so far, and copy its checkpoint out of the cluster.

    Example: python train.py $(luthier best digits-pbt -o args --checkpoint best/)
    """
    found = find(target, namespace)
    if checkpoint is not None:
        with open_archive(target, namespace) as archive:
            path = copy_best_checkpoint(archive, found.best.trial, checkpoint)
        note = f"Checkpoint {path} of {found.best.trial} is in {checkpoint}"
        Console(stderr=True, highlight=False).print(note, soft_wrap=True, markup=False)
    sys.stdout.write(written(found, style))


def written(found: Found, style: Format) -> str:
    """Return the best trial's parameters in a format; YAML begins with a comment on the trial."""
    result = found.best
    match style:
        case Format.JSON:
            return as_json(result.parameters)
        case Format.ARGS:
            return as_args(result.parameters)
        case Format.YAML:
            about = f"{scores(result, found.snapshot.objectives)}, {result.trial} at iteration {result.iteration}"
            return f"# {found.snapshot.name}: {about}\n{as_yaml(result.parameters)}"
