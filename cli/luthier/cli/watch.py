"""`luthier watch`: an experiment in the cluster until it has ended."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.console import Console

from luthier.api.experiment import Objective
from luthier.cli.errors import Exit, Refusal, speaks_plainly
from luthier.cli.options import Name, Namespace, Output
from luthier.cli.page import final_page
from luthier.cli.screen import Show, screen
from luthier.cli.snapshot import Snapshot, of_object
from luthier.cli.trial_feed import TrialFeed, with_rows
from luthier.cli.view import duration


@speaks_plainly
def watch(
    name: Name,
    namespace: Namespace = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", "-t", min=1, help="Seconds to wait for its end. Default: no limit.")
    ] = None,
    with_trials: Annotated[
        bool, typer.Option("--trials/--no-trials", help="Show trials one by one, in a terminal.")
    ] = True,
    output: Annotated[Output, typer.Option("--output", "-o", help="json: a line for each change of status.")] = (
        Output.TEXT
    ),
) -> None:
    """Show an experiment in the cluster until it has ended; Ctrl-C leaves it alone.

    Where nothing moves, the reason and what to do about it are shown. In a log it is a line now and then.

    Trials one by one come from the driver's ledger, for who may read the experiment's Secret.

    Example: luthier watch digits-pbt --timeout 600
    """
    from luthier.cli.cluster import connect
    from luthier.cli.windows import open_driver

    console = Console(highlight=False)
    experiments = connect(namespace)
    if output is Output.JSON:
        _print_changes(experiments.follow(name), timeout)
        return
    with screen(console) as show:
        draw = show
        if with_trials and console.is_terminal:
            objectives = [Objective.model_validate(o) for o in experiments.read(name)["spec"]["objectives"]]
            feed = TrialFeed(lambda: open_driver(experiments, name), objectives)
            draw = with_rows(show, feed)
        snapshot = until_end(experiments.follow(name), draw, timeout=timeout)
    console.print(
        final_page(
            snapshot,
            exploits=snapshot.population.lineage if snapshot.population else (),
            next_steps=_next_steps(snapshot, experiments.namespace),
        ),
        crop=False,
    )
    raise typer.Exit(Exit.OK if snapshot.has_succeeded else Exit.FAILED)


def _print_changes(changes: Iterable[dict[str, Any] | None], timeout: float | None) -> None:
    """Print each change of status as a line of JSON, for programs.

    Raises:
        typer.Exit: it has ended.
    """

    def passed_on() -> Iterator[dict[str, Any] | None]:
        for change in changes:
            if change is not None:
                sys.stdout.write(json.dumps(change.get("status") or {}) + "\n")
                sys.stdout.flush()
            yield change

    snapshot = until_end(passed_on(), lambda _: None, timeout=timeout)
    raise typer.Exit(Exit.OK if snapshot.has_succeeded else Exit.FAILED)


def until_end(
    changes: Iterable[dict[str, Any] | None],
    show: Show,
    *,
    timeout: float | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Snapshot:
    """Show each change until the experiment has ended; return the last snapshot.

    Raises:
        Refusal: it did not end in time, or it can't be followed.
    """
    start, snapshot = now(), None
    for change in changes:
        if change is not None:
            snapshot = of_object(change)
            show(snapshot)
            if snapshot.has_ended:
                return snapshot
        elif snapshot is not None:
            show(
                replace(snapshot, state="Unreachable", reason="", message="The cluster does not answer; trying again.")
            )
        if timeout is not None and now() - start >= timeout:
            break
    state = (
        f"it is {snapshot.state}{f' ({snapshot.reason})' if snapshot.reason else ''}"
        if snapshot
        else "nothing was seen"
    )
    raise Refusal(
        f"The experiment has not ended within {duration(timeout or 0)}: {state}.",
        problems=[snapshot.message] if snapshot and snapshot.message else [],
        hint="It goes on in the cluster; watch it again, or look at `kubectl describe tx`.",
        code=Exit.FAILED,
    )


def _next_steps(snapshot: Snapshot, namespace: str) -> list[tuple[str, str]]:
    target = f"{snapshot.name} -n {namespace}"
    if snapshot.best is None:
        return [(f"kubectl describe tx {target}", "conditions and events")]
    steps = [(f"luthier best {target} --format args", "the winner's parameters, as arguments")]
    if snapshot.population:
        steps.append((f"luthier replay {target}", "the schedule that it lived through"))
    steps.append((f"luthier ui {target}", "all of it in the browser"))
    return steps
