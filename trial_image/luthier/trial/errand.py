"""A child process of the driver's for what nobody may wait or die for: pages and exports.

It has its seconds and its share of the memory that is free, so that it fails by itself: where a container is killed
for memory as a whole, the driver would die with it. What it has done it says in lines of JSON, `[what, word]`, on
what was its standard output; whatever a library prints goes to the log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from luthier.trial import cgroup

LOGGER = logging.getLogger("luthier.errand")
DONE = "written"
PROMISED = "promised"
"""Word for what is to be done and is not done yet."""
WORD_CHARACTERS = 300
MEMORY_SHARE = 0.9
"""Of what is free now; a process takes less than it asks for, and a driver hardly grows."""
FEW_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Each thread takes memory of its own before it does anything."""
ENV_MEMORY = "LUTHIER_MEMORY_BYTES"
ENV_SECONDS = "LUTHIER_SECONDS"
AFTERWARDS_SECONDS = 10
"""After its time a child ends itself, should nobody be there any more to end it."""
OUTPUT = 1
Say = Callable[[str, str], None]
"""Takes what was done and how it went; a later word on the same thing counts."""


class Errand:
    """One child process, from its start to its last word."""

    def __init__(self, *command: str, seconds: float, memory_bytes: int | None = None) -> None:
        """Begin `python -m COMMAND`.

        Args:
            command: a module and its arguments; it calls `be_modest` and `teller` first.
            seconds: after which it is killed.
            memory_bytes: that it may take at most; by default its share of what is free.
        """
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._is_cut_off = False
        self._said: bytes | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._why_not = ""
        limit = share_of_memory() if memory_bytes is None else memory_bytes
        environment = FEW_THREADS | os.environ | {ENV_SECONDS: str(math.ceil(seconds))}
        environment |= {} if limit is None else {ENV_MEMORY: str(limit)}
        try:
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # a Ctrl-C is the parent's, which knows what to do
            )
        except OSError as error:
            self._why_not = f"no process can be had: {error}"

    def is_over(self) -> bool:
        """Whether it has ended; one that is over its time is ended now."""
        if self._child is None or self._said is not None:
            return True
        if self._child.poll() is None and time.monotonic() < self._end:
            return False
        self.wait()
        return True

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end, which comes with the end of its seconds at the latest, or of those that are given here."""
        if self._child is None or self._said is not None:
            return
        end = self._end if seconds is None else min(self._end, time.monotonic() + seconds)
        try:
            self._said, _ = self._child.communicate(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._is_cut_off = True
            self.kill()
        except BaseException:  # a signal to the parent, which will not come back to it
            self.kill()
            raise

    def kill(self) -> None:
        """End it now."""
        if self._child is not None and self._said is None:
            self._child.kill()
            self._said, _ = self._child.communicate()

    def lacking(self) -> list[str]:
        """Return what it was to do and has not done, each with why: `the report, export lab (MLflow): cut off ...`."""
        words = dict(_words(self._said or b""))
        why = self._why()
        if not words:
            return [why] if why else []
        by_word: dict[str, list[str]] = {}
        for what, word in words.items():
            if word != DONE:
                by_word.setdefault(why or "forgotten" if word == PROMISED else word, []).append(what)
        return [f"{', '.join(whats)}: {word}" for word, whats in by_word.items()]

    def _why(self) -> str:
        """Return why it could not do all that it was to, if so."""
        if self._child is None:
            return self._why_not
        if self._is_cut_off:
            return f"cut off after {self._seconds:g} seconds"
        code = self._child.returncode
        if not code:
            return ""
        name = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}; the log says why"
        return f"cut off: its process was ended {name}"


def share_of_memory() -> int | None:
    """Return the bytes that a child may take now; None where nobody says what is free."""
    free = cgroup.free_bytes()
    return None if free is None else int(MEMORY_SHARE * free)


def _words(said: bytes) -> list[tuple[str, str]]:
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError):  # a last line that was cut off, too
            what, word = json.loads(line)
            found.append((str(what), str(word)))
    return found


# in the child


def teller() -> Say:
    """Return what tells the parent; from now on standard output is the log's."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(OUTPUT), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), OUTPUT)

    def say(what: str, word: str) -> None:
        out.write(json.dumps([what, word]) + "\n")
        out.flush()

    return say


def be_modest(niceness: int = 0) -> None:
    """Take no more memory and time than the parent said, and let a kernel that ends single processes begin here."""
    seconds = os.environ.pop(ENV_SECONDS, "")
    if seconds.isdigit():
        signal.alarm(int(seconds) + AFTERWARDS_SECONDS)
    limit = os.environ.pop(ENV_MEMORY, "")
    if limit.isdigit():
        with contextlib.suppress(OSError, ValueError):  # a tighter limit may be there already
            resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    if not cgroup.dies_as_a_whole():
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(niceness)


def not_written(error: Exception) -> str:
    """Return the word for what an error has kept from being written."""
    said = " ".join(str(error).split())
    return f"not written: {type(error).__name__}{f': {said}' if said else ''}"[:WORD_CHARACTERS]
