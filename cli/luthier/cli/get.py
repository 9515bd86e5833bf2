"""`luthier get`: the experiments of a namespace at a glance."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from luthier.cli.errors import speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Namespace, Output, OutputOption
from luthier.cli.snapshot import of_object
from luthier.cli.tables import Row, print_table
from luthier.cli.view import COLOURS

COLUMNS = ("NAMESPACE", "NAME", "STATE", "TRIALS", "RUNNING", "BEST", "GPU-HOURS", "ETA", "AGE", "WHY")


@speaks_plainly
def get(
    name: Annotated[str | None, typer.Argument(help="Only this one.", metavar="[NAME]")] = None,
    namespace: Namespace = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the experiments of a namespace, newest last: state, trials done, best value, cost, and why one is stuck.

    Example: luthier get -n team-a
    """
    from luthier.cli.cluster import connect

    experiments = connect(namespace)
    found = [experiments.read(name)] if name else experiments.list(everywhere=everywhere)
    found.sort(key=lambda each: each["metadata"].get("creationTimestamp", ""))
    if output is Output.JSON:
        shown = [_without_ballast(each) for each in found]
        sys.stdout.write(as_json(shown[0] if name else shown))
        return
    if not found:
        place = "any namespace" if everywhere else f"namespace {experiments.namespace}"
        sys.stdout.write(f"There are no experiments in {place}.\n")
        return
    rows = [row(each, with_namespace=everywhere) for each in found]
    print_table(Console(highlight=False), COLUMNS, rows)


def _without_ballast(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an experiment without what kubectl hides as well."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def row(
    obj: dict[str, Any],
    *,
    with_namespace: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Row:
    """Return an experiment's columns."""
    snapshot = of_object(obj)
    metadata, status = obj["metadata"], obj.get("status") or {}
    is_well = snapshot.state in ("Running", "Pending", "Succeeded")
    return [
        metadata.get("namespace", "") if with_namespace else "",
        metadata["name"],
        Text(snapshot.state, style=COLOURS.get(snapshot.state, "")),
        status.get("done") or "",
        str(snapshot.trials.running or ""),
        status.get("bestValue") or "",
        status.get("gpuHours") or "",
        status.get("eta") or "",
        _age(metadata.get("creationTimestamp"), now()),
        "" if is_well else snapshot.reason,
    ]


def _age(created: str | None, now: datetime) -> str:
    """Return a time's distance as kubectl writes it: `42s`, `5m`, `3h`, `2d`."""
    if not created:
        return ""
    seconds = int((now - datetime.fromisoformat(created)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"
