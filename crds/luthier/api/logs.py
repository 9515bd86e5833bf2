"""How a trial's lines stand in its pod's log, so that whoever reads the log finds them."""

from __future__ import annotations

MARK = " | "


def line_of(trial: str, text: str) -> str:
    """Return a line of a pod's log that a trial has printed."""
    return f"{trial}{MARK}{text}\n"


def said_by(trial: str, line: str) -> str | None:
    """Return what a trial has printed in a line of a pod's log; None where the line is not its."""
    start = f"{trial}{MARK}"
    return line.removeprefix(start) if line.startswith(start) else None
