"""`luthier trials`: every trial of an experiment, from its ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from luthier.api.experiment import Direction, Objective
from luthier.api.text import printable
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Namespace, Output, OutputOption, Target
from luthier.cli.records import open_archive, records_of
from luthier.cli.tables import Row, print_table
from luthier.cli.trial_rows import TrialRow, trial_rows
from luthier.cli.view import duration, number

STATE_COLOURS = {"Running": "cyan", "Succeeded": "green", "Failed": "red"}
OWN_COLUMNS: dict[str, Callable[[TrialRow], str | float]] = {
    "trial": lambda row: row.trial,
    "state": lambda row: row.state,
    "iteration": lambda row: row.iteration,
    "seconds": lambda row: row.seconds,
    "retries": lambda row: row.retries,
}


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "Waiting"
    RUNNING = "Running"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    FAILED = "Failed"


@speaks_plainly
def trials(
    target: Target,
    sort: Annotated[
        str,
        typer.Option(
            "--sort", "-s", help="best, trial, state, iteration, seconds, retries, a metric or a parameter; - reverses."
        ),
    ] = "best",
    state: Annotated[
        list[State] | None,
        typer.Option("--state", case_sensitive=False, help="Only trials in this state; may be repeated."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N.", metavar="N")] = None,
    namespace: Namespace = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show every trial: state, iterations, best value, parameters, time, and why it failed.

    In the cluster the ledger comes from the driver; when it is gone, from a pod that reads the storage for a moment.

    Example: luthier trials digits-pbt --state failed --sort seconds
    """
    with open_archive(target, namespace) as archive:
        objectives = [Objective.model_validate(each) for each in archive.document["spec"]["objectives"]]
        rows = trial_rows(records_of(archive.lines()), objectives)
    wanted = {each.value for each in state or State}
    chosen = [row for row in sorted_rows(rows, sort, objectives[0]) if row.state in wanted][:limit]
    if output is Output.JSON:
        sys.stdout.write(as_json([row.to_json() for row in chosen]))
    elif not chosen:
        sys.stdout.write("There are no such trials.\n" if rows else "No trial has been proposed yet.\n")
    else:
        names = list(dict.fromkeys(name for row in rows for name in row.parameters))
        columns = ["TRIAL", "STATE", "ITER", objectives[0].metric, "AT", *names, "TIME", "RETRIES", "FROM", "WHY"]
        print_table(Console(highlight=False), columns, [_row(row, names) for row in chosen])


def sorted_rows(rows: Sequence[TrialRow], by: str, objective: Objective) -> list[TrialRow]:
    """Return rows in order; those without a value for it come last.

    Raises:
        Refusal: there is no such column.
    """
    name, is_reversed = by.removeprefix("-"), by.startswith("-")
    if name == "best":
        is_reversed ^= objective.direction is Direction.MAXIMIZE
    key = _key(rows, name)
    known = [row for row in rows if key(row) is not None]
    try:
        known.sort(key=lambda row: _orderable(key(row)), reverse=is_reversed)
    except TypeError:  # a parameter of several types
        known.sort(key=lambda row: str(key(row)), reverse=is_reversed)
    return known + [row for row in rows if key(row) is None]


def _key(rows: Sequence[TrialRow], name: str) -> Callable[[TrialRow], object]:
    if name == "best":
        return lambda row: row.best
    if name in OWN_COLUMNS:
        return OWN_COLUMNS[name]
    metrics = {each for row in rows for each in row.metrics}
    parameters = {each for row in rows for each in row.parameters}
    if name in parameters:
        return lambda row: row.parameters.get(name)
    if name in metrics or not rows:
        return lambda row: row.metrics.get(name)
    raise Refusal(
        f"Trials can't be sorted by {name!r}.",
        hint=f"There are: {', '.join(['best', *OWN_COLUMNS, *sorted(parameters), *sorted(metrics)])}.",
    )


def _orderable(value: object) -> float | str:
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]


def _row(row: TrialRow, names: Sequence[str]) -> Row:
    lines = printable(row.message).strip().splitlines()
    why = ": ".join(filter(None, [row.cause, lines[-1] if lines else ""]))
    return [
        row.trial,
        Text(row.state, style=STATE_COLOURS.get(row.state, "")),
        str(row.iteration or ""),
        "" if row.best is None else number(row.best),
        str(row.best_iteration or ""),
        *(number(row.parameters[name]) if name in row.parameters else "" for name in names),
        duration(row.seconds) if row.seconds else "",
        str(row.retries or ""),
        row.copies[-1] if row.copies else "",
        why[:200],
    ]
