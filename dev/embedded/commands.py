"""Run other programs to their end, keep their output, and explain a failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded.errors import StepError


def run_logged(
    command: Sequence[str | Path],
    *,
    log: Path,
    advice: str,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> None:
    """Run a command with its output appended to a log; raise a StepError that shows the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    with log.open("ab") as output:
        output.write(f"$ {' '.join(words)}\n".encode())
        output.flush()
        finished = subprocess.run(
            words,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if finished.returncode != 0:
        raise StepError(f"{words[0]} ended with status {finished.returncode}", log=log, advice=advice)


def read(command: Sequence[str | Path]) -> str:
    """Return a command's standard output, or an empty string where it fails or is missing."""
    try:
        return subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
