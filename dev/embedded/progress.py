"""Tell a waiting person which step runs, for how long, and about how long is left.

Everything goes to standard error: standard output is for what a script reads.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PLAIN_INTERVAL_SECONDS = 60.0


def say(message: str) -> None:
    """Print one line for a person."""
    print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return seconds as people say them.

    >>> duration(3.21), duration(75)
    ('3.2 s', '1 min 15 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


class Progress:
    """A known list of steps, each with the seconds it is expected to take."""

    def __init__(self, expected: Mapping[str, float]) -> None:
        self._expected = dict(expected)
        self._left = dict(expected)
        self._started = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show one step while the block runs; a failed step prints no success."""
        number = len(self._expected) - len(self._left) + 1
        title = f"[{number}/{len(self._expected)}] {name}"
        started, finished = time.monotonic(), threading.Event()
        reporter = threading.Thread(target=self._report, args=(title, name, started, finished), daemon=True)
        reporter.start()
        try:
            yield
        finally:
            finished.set()
            reporter.join()
            self._left.pop(name, None)
        say(f"{_line_start()}{title}: {duration(time.monotonic() - started)}")

    def total(self) -> str:
        """Return the time since the first step, in words."""
        return duration(time.monotonic() - self._started)

    def _report(self, title: str, name: str, started: float, finished: threading.Event) -> None:
        interval = 1.0 if sys.stderr.isatty() else PLAIN_INTERVAL_SECONDS
        while not finished.wait(interval):
            elapsed = time.monotonic() - started
            line = f"{title}: {duration(elapsed)} so far, about {duration(self._remaining(name, elapsed))} left"
            print(f"{_line_start()}{line}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    def _remaining(self, name: str, elapsed: float) -> float:
        later = sum(seconds for step, seconds in self._left.items() if step != name)
        return later + max(self._left[name] - elapsed, 0.0)


def _line_start() -> str:
    return "\r\x1b[K" if sys.stderr.isatty() else ""
