"""Where progress goes: redrawn in place on a terminal or in a notebook, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from luthier.cli.snapshot import Snapshot
from luthier.cli.view import live, plain, trouble

PLAIN_SECONDS = 5.0
"""A log gets at most one line of progress in this many seconds; a change of state at once."""
Show = Callable[[Snapshot], None]


@contextmanager
def screen(console: Console) -> Iterator[Show]:
    """Yield a function that shows a snapshot."""
    if console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal):
        with Live(console=console, refresh_per_second=8, transient=True) as display:
            yield lambda snapshot: display.update(live(snapshot))
    else:
        yield Lines(console).show


class Lines:
    """Progress as plain lines."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._last = ""
        self._state = ("", "")
        self._time = float("-inf")

    def show(self, snapshot: Snapshot) -> None:
        """Print a line if the state is new, or if something is new and the last line is old enough."""
        line, state = plain(snapshot), (snapshot.state, snapshot.reason)
        is_due = self._now() - self._time >= PLAIN_SECONDS and line != self._last
        if state == self._state and not is_due:
            return
        for text in [line, *(trouble(snapshot) if state != self._state else [])]:
            self._console.print(text, soft_wrap=True, markup=False, highlight=False)
        self._last, self._state, self._time = line, state, self._now()
