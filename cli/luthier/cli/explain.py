"""`luthier explain`: why an experiment is stalled, failed, or where it is, on one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from luthier.api.status import FailedTrial
from luthier.api.text import printable
from luthier.cli import results
from luthier.cli.errors import speaks_plainly
from luthier.cli.explanation import Explanation, Happening, explain_snapshot
from luthier.cli.formats import as_json
from luthier.cli.options import Namespace, Output, OutputOption, Target
from luthier.cli.records import is_folder
from luthier.cli.snapshot import of_object, of_report
from luthier.cli.view import COLOURS, counts, result_line

Json = dict[str, Any]


@speaks_plainly
def explain(target: Target, namespace: Namespace = None, output: OutputOption = Output.TEXT) -> None:
    """Say on one page why an experiment is stalled, has failed, or is where it is, and what to do next.

    Conditions, pods that do not run, the last errors of trials, and the last events.

    Example: luthier explain digits-pbt
    """
    if is_folder(target, namespace):
        folder = Path(target)
        experiment = results.read_experiment(folder)
        found = explain_snapshot(of_report(experiment, results.read_report(folder), interrupted=True), target)
    else:
        found = _in_cluster(target, namespace)
    if output is Output.JSON:
        sys.stdout.write(as_json(found.to_json()))
    else:
        Console(highlight=False).print(page(found), soft_wrap=True)


def _in_cluster(name: str, namespace: str | None) -> Explanation:
    from luthier.cli.cluster import connect
    from luthier.cli.surroundings import events_about, pods_of

    experiments = connect(namespace)
    obj = experiments.read(name)
    pods = pods_of(experiments, obj["metadata"]["uid"])
    uids = {obj["metadata"]["uid"], *(pod["metadata"]["uid"] for pod in pods)}
    events = events_about(experiments, uids)
    target = f"{name} -n {namespace}" if namespace else name
    return explain_snapshot(of_object(obj), target, pods, events, has_log=bool(pods))


def page(found: Explanation) -> RenderableType:
    """Return the page."""
    snapshot = found.snapshot
    parts: list[RenderableType] = [
        Text.assemble((snapshot.name, "bold"), " is ", (snapshot.state, COLOURS.get(snapshot.state, ""))),
        Text(": ".join(filter(None, [snapshot.reason, snapshot.message])) or "Nothing stands in its way."),
        Text(counts(snapshot), style="dim"),
    ]
    if snapshot.best:
        parts.append(Text(f"best {result_line(snapshot.best, snapshot.objectives)}", style="dim"))
    parts += _block("What to do", [Text(step) for step in found.next_steps])
    parts += _block("Pods that do not run", [Text(pod) for pod in found.stuck_pods])
    counted = ", ".join(f"{count} {cause}" for cause, count in snapshot.failure_counts.items())
    title = f"Last failures ({counted})" if counted else "Last failures"
    parts += _block(title, [part for failure in found.failures for part in _failure(failure)])
    parts += _block("Last events", [_line(each) for each in found.happenings])
    return Group(*parts)


def _block(title: str, lines: list[Text]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(f"\n{title}", style="bold"), *(Text.assemble("  ", line) for line in lines)]


def _failure(failure: FailedTrial) -> list[Text]:
    head = Text.assemble((failure.trial, "bold"), "  ", (failure.cause, "red"))
    return [head, *(Text(f"  {line}", style="dim") for line in printable(failure.message).strip().splitlines())]


def _line(each: Happening) -> Text:
    times = f" (x{each.count})" if each.count > 1 else ""
    clock = f"{each.time:%H:%M:%S}  " if each.time else ""
    return Text.assemble(
        (clock, "dim"), (each.what, "yellow" if each.is_warning else ""), f"  {printable(each.message)}{times}"
    )
