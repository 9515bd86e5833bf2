"""Options that several commands have, so that they are called and explained alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from luthier.cli.completion import experiment_names


class Output(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"


def in_the_cluster(name: str) -> str:
    """Return a name as it is.

    Raises:
        typer.BadParameter: it is the path of a folder.
    """
    if "/" in name:
        raise typer.BadParameter(f"{name!r} is a folder, and this command asks the cluster for an experiment's name.")
    return name


Name = Annotated[
    str,
    typer.Argument(
        help="Name of the experiment in the cluster.",
        metavar="NAME",
        autocompletion=experiment_names,
        callback=in_the_cluster,
    ),
]
Target = Annotated[
    str,
    typer.Argument(
        help="Name in the cluster, or folder of a local run.", metavar="NAME|DIR", autocompletion=experiment_names
    ),
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace. Default: that of kubectl's context.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]
Json = Annotated[bool, typer.Option("--json", help="Tell programs, in one document of JSON; -o names a place here.")]
