"""The last page of a run: the best trial, what its weights lived through, what it cost, what to type next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from luthier.api.status import Exploit, TrialResult
from luthier.cli.snapshot import Snapshot
from luthier.cli.view import COLOURS, counts, duration, failure_line, number, pairs, scores, trouble
from luthier.trial.lineage import BrokenLineage, Stretch, schedule_of


def final_page(
    snapshot: Snapshot,
    *,
    exploits: Sequence[Exploit] = (),
    storage: str = "",
    next_steps: Sequence[tuple[str, str]] = (),
) -> RenderableType:
    """Return the page.

    Args:
        snapshot: the experiment at its end.
        exploits: the copies of weights that are known.
        storage: what a checkpoint's path is relative to.
        next_steps: commands to type next, each with what it does.
    """
    parts = [_head(snapshot), *_best(snapshot, storage), *_front(snapshot), *_others(snapshot)]
    parts += [*_lineage(snapshot, exploits), *_cost(snapshot), *_next(next_steps)]
    return Group(*parts)


def _head(snapshot: Snapshot) -> RenderableType:
    why = snapshot.message or counts(snapshot)
    lines = [
        Text.assemble(
            "\n", (snapshot.name, "bold"), " ", (snapshot.state.lower(), COLOURS.get(snapshot.state, "default"))
        ),
        Text(f"{why}{f' ({snapshot.reason})' if snapshot.reason else ''}"),
    ]
    if snapshot.state == "Failed" and snapshot.failures:
        lines.append(Text(failure_line(snapshot), style="red"))
    if snapshot.state != "Interrupted":
        lines += [Text(line, style="yellow") for line in trouble(snapshot)[1:]]
    return Group(*lines)


def _best(snapshot: Snapshot, storage: str) -> list[RenderableType]:
    best = snapshot.best
    if best is None:
        return [Text("\nNo trial has reported yet." if not snapshot.has_ended else "\nNo trial gave a result.")]
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim")
    goals = {o.metric: f"  ({o.direction.value.lower()}d)" for o in snapshot.objectives}
    for name in [*(m for m in goals if m in best.metrics), *(m for m in best.metrics if m not in goals)]:
        rows.add_row(
            Text(name),
            Text.assemble((number(best.metrics[name]), "bold" if name in goals else ""), goals.get(name, "")),
        )
    for name, value in best.parameters.items():
        rows.add_row(Text(name), Text(_exact(value)))
    if best.checkpoint:
        rows.add_row("checkpoint", Text(f"{storage}{best.checkpoint}", overflow="fold"))
    return [Text(f"\nBest: {best.trial}, iteration {best.iteration}", style="bold"), rows]


def _front(snapshot: Snapshot) -> list[RenderableType]:
    if len(snapshot.objectives) < 2 or not snapshot.front:
        return []
    return [
        Text("\nPareto front (nothing is better in every objective)", style="bold"),
        _table(snapshot, snapshot.front),
    ]


def _others(snapshot: Snapshot) -> list[RenderableType]:
    others = [result for result in snapshot.top if snapshot.best is None or result.trial != snapshot.best.trial]
    if not others or len(snapshot.objectives) > 1:
        return []
    return [Text("\nNext best", style="bold"), _table(snapshot, others)]


def _table(snapshot: Snapshot, results: Sequence[TrialResult]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for result in results:
        found = Text(scores(result, snapshot.objectives))
        table.add_row(Text(result.trial), found, Text(pairs(result.parameters), style="dim"))
    return table


def _lineage(snapshot: Snapshot, exploits: Sequence[Exploit]) -> list[RenderableType]:
    if snapshot.best is None or snapshot.population is None:
        return []
    try:
        stretches = schedule_of(snapshot.best, exploits)
    except BrokenLineage as error:
        return [Text(f"\nLineage: {error}", style="yellow")]
    title = Text("\nLineage: what its weights lived through, by iterations of their own", style="bold")
    table = Table.grid(padding=(0, 2))
    for stretch in stretches:
        table.add_row(*_stretch(stretch))
    note = lineage_note(snapshot, exploits)
    if len(stretches) == 1 and not note:
        return [title, Text(f"trained in {snapshot.best.trial} alone, never copied from another trial")]
    return [title, table, *([Text(note, style="dim")] if note else [])]


def lineage_note(snapshot: Snapshot, exploits: Sequence[Exploit]) -> str:
    """Return what to know where only the last copies are known; empty where all are."""
    total = snapshot.population.exploits if snapshot.population else 0
    if len(exploits) >= total:
        return ""
    return (
        f"Only the last {len(exploits)} of {total} copies are known here, so the first stretch may have a longer past; "
        "the ledger on the storage has all."
    )


def _stretch(stretch: Stretch) -> tuple[Text, Text, Text]:
    span = f"{stretch.first_iteration}-{stretch.last_iteration}"
    return Text(span), Text(f"in {stretch.trial}"), Text(pairs(stretch.parameters))


def _cost(snapshot: Snapshot) -> list[RenderableType]:
    usage = snapshot.usage
    gpu = f", {usage.gpu_seconds / 3600:.3g} GPU-hours" if usage.gpu_seconds else ""
    return [
        Text(f"\nCost: {duration(usage.running_seconds)} of search, {duration(usage.trial_seconds)} of trials{gpu}"),
        *([] if snapshot.has_ended else [Text(f"Trials: {counts(snapshot)}")]),
    ]


def _next(steps: Sequence[tuple[str, str]]) -> list[RenderableType]:
    """Return the commands, each on one line that can be copied (print with `crop=False`)."""
    lines = [Text("\nNext", style="bold")]
    for command, what in steps:
        lines.append(Text(f"  # {what}", style="dim"))
        lines.append(Text(f"  {command}", no_wrap=True, overflow="ignore"))
    return [*lines] if steps else []


def _exact(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
