"""Tables: drawn in a terminal, plain columns in a log or a pipe, where nothing is cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Sequence[str | Text]


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Print rows under their columns' names; columns that nothing stands in are left out."""
    shown = [index for index in range(len(columns)) if any(str(row[index]) for row in rows)]
    if console.is_terminal and not console.is_dumb_terminal:
        console.print(_drawn(columns, rows, shown))
        return
    for line in plain_lines([columns, *rows], shown):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def plain_lines(rows: Sequence[Row], shown: Sequence[int]) -> list[str]:
    """Return rows as lines of aligned columns, three spaces apart."""
    widths = {index: max(len(str(row[index])) for row in rows) for index in shown}
    return ["   ".join(str(row[index]).ljust(widths[index]) for index in shown).rstrip() for row in rows]


def _drawn(columns: Sequence[str], rows: Sequence[Row], shown: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index in shown:
        table.add_column(columns[index], overflow="fold")
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    return table
