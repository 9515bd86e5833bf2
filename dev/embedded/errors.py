"""The one error a person is expected to see: what failed, its log, what to do next."""

from __future__ import annotations

from pathlib import Path

LOG_LINES_SHOWN = 15


class StepError(Exception):
    """A step that failed in a way the tool can explain, so that no traceback is needed."""

    def __init__(self, what: str, *, advice: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.log = log

    def report(self) -> str:
        """Return the message for a terminal, the log's last lines included."""
        parts = [f"failed: {self.what}"]
        if self.log is not None and self.log.exists():
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
            parts.append("\n".join([f"last lines of {self.log}:", *(f"  {line}" for line in lines)]))
        parts.append(f"next: {self.advice}")
        return "\n".join(parts)
