"""A measurement in a process of its own: a crash, a hang or a large memory there is nobody else's."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from bench.places import ENVIRONMENT, ROOT

LIMIT_SECONDS = 420
MARK = "ANSWER "


class Failed(RuntimeError):
    """A measurement could not be taken; the message says why."""


def in_a_child(module: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Run a module with arguments and return what it answers.

    Raises:
        Failed: it ended with an error, said nothing, or took too long.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{module} was not done after {LIMIT_SECONDS} s") from None
    said = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not said:
        words = [line for line in done.stderr.strip().splitlines() if line[:1].isalpha()]  # no line of Ray's log
        raise Failed(f"{module} ended with {done.returncode}: {words[-1] if words else 'no word'}")
    return dict(json.loads(said[-1].removeprefix(MARK)))


def answers(value: Any) -> None:
    """Tell whoever started this process; a dataclass."""
    print(MARK + json.dumps(asdict(value)), flush=True)
