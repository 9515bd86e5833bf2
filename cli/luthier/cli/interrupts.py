"""Ctrl-C and its like: whichever signal ends a command, what it has made in the cluster is cleared away first.

Python raises KeyboardInterrupt for Ctrl-C alone; a shell that is closed or a job that is killed would end the command
in the middle.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

ALSO = (signal.SIGTERM, signal.SIGHUP)
"""What ends a command beside Ctrl-C, unless it is told to take no heed (`nohup`)."""


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.strsignal(number))
        self.number = number


@contextlib.contextmanager
def all_signals_alike() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, by an exception."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in ALSO if signal.getsignal(number) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let no signal end the block in the middle: what comes counts when it is done.

    For a request whose answer must be heard, lest something is made of which nobody knows. It must end by itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: handler for number in (signal.SIGINT, *ALSO) if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        before[signal.Signals(came[0])](came[0], None)
