"""`luthier best`: the winner's parameters, for people and for other programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from luthier.cli.errors import speaks_plainly
from luthier.cli.formats import Format, as_args, as_json, as_yaml
from luthier.cli.targets import Found, find
from luthier.cli.view import scores


@speaks_plainly
def best(
    target: Annotated[str, typer.Argument(help="Folder of a local run, or name in the cluster.", metavar="NAME|DIR")],
    style: Annotated[
        Format, typer.Option("--format", "-f", help="yaml, json, or args for a command line.")
    ] = Format.YAML,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace in the cluster.")] = None,
) -> None:
    """Print the parameters of the best trial so far.

    Example: python train.py $(luthier best digits-pbt --format args)
    """
    sys.stdout.write(written(find(target, namespace), style))


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
