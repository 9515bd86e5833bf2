"""How an experiment looks while it goes on: bar, trials by state, best so far; the same here and in a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from luthier.api.experiment import Direction, Objective
from luthier.api.status import Exploit, TrialResult
from luthier.api.text import printable
from luthier.cli.advice import advice_on
from luthier.cli.snapshot import Snapshot
from luthier.cli.trial_rows import TrialRow

COLOURS = {
    "Running": "cyan",
    "Succeeded": "green",
    "Failed": "red",
    "Rejected": "red",
    "Stalled": "yellow",
    "Interrupted": "yellow",
    "Unreachable": "yellow",
}


ROWS_SHOWN = 10
"""Trials in the live table; more than fit on a screen can't be redrawn in place."""


def live(snapshot: Snapshot) -> RenderableType:
    """Return the whole view, to be drawn again and again."""
    lines: list[RenderableType] = [_head(snapshot), _bar(snapshot), Text(counts(snapshot), style="dim")]
    if snapshot.best:
        lines.append(Text.assemble(("best  ", "bold"), result_line(snapshot.best, snapshot.objectives)))
    if snapshot.population:
        lines.append(Text(population_line(snapshot), style="dim"))
    if snapshot.rungs:
        lines.append(Text(rung_line(snapshot), style="dim"))
    if snapshot.failures:
        lines.append(Text(failure_line(snapshot), style="red"))
    if snapshot.rows:
        lines.append(trial_table(snapshot))
    lines.extend(Text(line, style="yellow") for line in trouble(snapshot))
    return Group(*lines)


def plain(snapshot: Snapshot) -> str:
    """Return one line for a log, without colours or bars."""
    parts = [snapshot.state, f"{snapshot.progress.percent}%", counts(snapshot)]
    if snapshot.best:
        parts.append(f"best {result_line(snapshot.best, snapshot.objectives)}")
    parts += filter(None, [gpu_hours(snapshot), rung_line(snapshot), eta(snapshot)])
    return " | ".join(parts)


def counts(snapshot: Snapshot) -> str:
    """Return trials by state in words; states without trials are left out."""
    trials = snapshot.trials
    states = {
        name: getattr(trials, name) for name in ("running", "paused", "pending", "succeeded", "stopped", "failed")
    }
    named = [f"{count} {state}" for state, count in states.items() if count]
    return ", ".join([f"{trials.finished}/{trials.total} trials done", *named, *filter(None, [snapshot.workers])])


def result_line(result: TrialResult, objectives: tuple[Objective, ...]) -> str:
    """Return a trial's objectives, then where they were reached and with what."""
    where = f"({result.trial}, iteration {result.iteration})"
    return f"{scores(result, objectives)} {where}  {pairs(result.parameters)}"


def scores(result: TrialResult, objectives: tuple[Objective, ...]) -> str:
    """Return the objectives' values, the primary one first."""
    found = {o.metric: result.metrics[o.metric] for o in objectives if o.metric in result.metrics}
    return pairs(found or dict(list(result.metrics.items())[:1]))


def pairs(values: Mapping[str, Any]) -> str:
    """Return `name value` pairs on one line."""
    return "  ".join(f"{name} {number(value)}" for name, value in values.items())


def number(value: Any) -> str:
    """Return a value as people read it: floats to four significant digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Return seconds as people say them: `42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def population_line(snapshot: Snapshot) -> str:
    """Return generation, copies and the last copy."""
    population = snapshot.population
    if population is None:
        return ""
    copies = f"{population.exploits} cop{'y' if population.exploits == 1 else 'ies'} of weights"
    last = f"; last: {copy_line(population.lineage[-1])}" if population.lineage else ""
    return f"generation {population.generation}, {copies}{last}"


def rung_line(snapshot: Snapshot) -> str:
    """Return how many trials went on and how many stopped at each rung that was reached."""
    rungs = [f"{rung.iterations}: {rung.promoted} on, {rung.stopped} stopped" for rung in snapshot.rungs]
    return f"rungs  {'; '.join(rungs)}" if rungs else ""


def gpu_hours(snapshot: Snapshot) -> str:
    """Return what it cost in GPUs; empty where it uses none."""
    hours = snapshot.usage.gpu_seconds / 3600
    return f"{hours:.3g} GPU-hours" if hours else ""


def eta(snapshot: Snapshot) -> str:
    """Return the time that is left, where it is known."""
    left = snapshot.progress.eta_seconds
    return "" if snapshot.has_ended or left is None else f"{duration(left)} left"


def trial_table(snapshot: Snapshot) -> RenderableType:
    """Return the trials that run, then the best of the others, as many as there is room for."""
    objective = snapshot.objectives[0]
    shown = rows_to_show(snapshot.rows, objective)
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for name in ("trial", "state", "iteration", objective.metric, "parameters"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in shown:
        value = row.metrics.get(objective.metric)
        table.add_row(
            row.trial,
            Text(row.state, style=COLOURS.get(row.state, "")),
            str(row.iteration or ""),
            "" if value is None else number(value),
            Text(pairs(row.parameters), style="dim"),
        )
    left = len(snapshot.rows) - len(shown)
    return Group(table, *([Text(f"and {left} more: luthier trials", style="dim")] if left else []))


def rows_to_show(rows: Sequence[TrialRow], objective: Objective) -> list[TrialRow]:
    """Return running trials first, then the best of the others."""
    sign = -1.0 if objective.direction is Direction.MAXIMIZE else 1.0
    order = sorted(
        rows, key=lambda row: (row.state != "Running", row.best is None, sign * (row.best or 0.0), row.trial)
    )
    return order[:ROWS_SHOWN]


def copy_line(exploit: Exploit) -> str:
    """Return who went on from whom, when, and what explore changed."""
    changed = ", ".join(f"{name} {_change(pair)}" for name, pair in exploit.changed.items())
    return f"{exploit.trial} from {exploit.donor} at {exploit.iteration}" + (f" ({changed})" if changed else "")


def failure_line(snapshot: Snapshot) -> str:
    """Return the last failure in one line."""
    last = snapshot.failures[-1]
    lines = printable(last.message).strip().splitlines()
    return f"{last.trial} failed: {last.cause}{f': {lines[-1]}' if lines else ''}"


def trouble(snapshot: Snapshot) -> list[str]:
    """Return why nothing moves, and what to do about it; nothing while all is well."""
    if snapshot.state not in ("Stalled", "Rejected", "Suspended", "Unreachable"):
        return []
    said = f"{snapshot.reason}: {snapshot.message}" if snapshot.reason else snapshot.message
    return [line for line in (said, advice_on(snapshot.reason, snapshot.name)) if line]


def _change(pair: list[Any]) -> str:
    before, after = ("-" if value is None else number(value) for value in (*pair, None, None)[:2])
    return f"{before} to {after}"


def _head(snapshot: Snapshot) -> Text:
    return Text.assemble((snapshot.name, "bold"), "  ", (snapshot.state, COLOURS.get(snapshot.state, "default")))


def _bar(snapshot: Snapshot) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    progress = snapshot.progress
    bar = ProgressBar(total=100, completed=progress.percent, width=40)
    spent = duration(snapshot.usage.running_seconds)
    parts = [spent, gpu_hours(snapshot), eta(snapshot)]
    table.add_row(bar, f"{progress.percent}%", *filter(None, parts))
    return table
