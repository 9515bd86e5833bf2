"""How a command says that it can't go on: a sentence, what to do next, an exit code; never a traceback."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from enum import IntEnum
from typing import ParamSpec

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from luthier.cli.interrupts import Interrupted, all_signals_alike

P = ParamSpec("P")
ENV_DEBUG = "LUTHIER_DEBUG"


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    """The experiment failed, or had not ended in time."""
    BAD_INPUT = 2
    """Something that was asked for does not exist or is wrong; nothing was started."""
    UNFORESEEN = 70
    """A fault of Luthier's own."""
    INTERRUPTED = 130
    """By Ctrl-C; another signal has its own number above 128, as shells count."""


class Refusal(Exception):
    """A command can't go on; the message is a sentence, `problems` its details, `hint` what to do next."""

    def __init__(
        self, message: str, *, problems: list[str] | None = None, hint: str = "", code: Exit = Exit.BAD_INPUT
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems or []
        self.hint = hint
        self.code = code


def speaks_plainly(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a command's errors into sentences and exit codes."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with all_signals_alike():
                command(*args, **kwargs)
        except Refusal as refusal:
            _say(refusal)
            raise typer.Exit(refusal.code) from None
        except Interrupted as interrupted:
            raise typer.Exit(128 + interrupted.number) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
        except (typer.Exit, typer.Abort, BrokenPipeError):  # typer ends quietly where a pipe's reader has left
            raise
        except Exception as error:
            if os.environ.get(ENV_DEBUG):
                raise
            _say(_unforeseen(error))
            raise typer.Exit(Exit.UNFORESEEN) from None

    return guarded


def _unforeseen(error: Exception) -> Refusal:
    return Refusal(
        f"Luthier stumbled over something that nobody foresaw: {type(error).__name__}: {error}",
        hint=f"Run the same command with {ENV_DEBUG}=1 to see where, and report it.",
    )


def _say(refusal: Refusal) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("Error: ", "bold red"), refusal.message))
    for problem in refusal.problems:
        console.print(Padding(Text(problem), (0, 0, 0, 2)))
    if refusal.hint:
        console.print(Text.assemble(("Next:  ", "bold"), refusal.hint))
