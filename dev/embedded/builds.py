"""Build the Go programs, once per content of their sources and pins.

A build's key is a hash of everything that decides its outcome, so a fresh clone
finds the builds of the last one, and a changed pin never runs an old program.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from embedded.commands import run_logged
from embedded.errors import StepError
from embedded.pins import Program
from embedded.places import SOURCES, cache_directory, exclusive
from embedded.progress import Progress

KEY_LENGTH = 12


def content_key(*parts: str | Path) -> str:
    """Return a short hash of strings and of files' contents."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:KEY_LENGTH]


def key(program: Program) -> str:
    """Return what a program's build is cached under."""
    module = SOURCES / program.module
    files = (module / "go.mod", module / "go.sum", *sorted((module / program.name).glob("*.go")))
    return content_key(program.package, *program.flags(), *files)


def path(program: Program) -> Path:
    """Return where a program's binary is, once built."""
    return cache_directory() / "programs" / f"{program.name}-{key(program)}" / program.name


def link_directory() -> Path:
    """Return the folder with kubectl, helm and kwok under their own names."""
    return cache_directory() / "bin"


def missing(programs: Sequence[Program]) -> list[Program]:
    """Return the programs that still have to be built."""
    return [program for program in programs if not path(program).exists()]


def build(programs: Sequence[Program]) -> None:
    """Build what is missing, in the order given, with progress on standard error."""
    wanted = missing(programs)
    if not wanted:
        return _link(programs)
    if shutil.which("go") is None:
        raise StepError("the Go toolchain is missing", advice="install Go 1.26 or newer and put `go` on the PATH")
    progress = Progress({f"build {program.name}": _expected_seconds(program) for program in wanted})
    for program in wanted:
        with progress.step(f"build {program.name}"), exclusive(cache_directory() / f"{program.name}.lock"):
            _build(program)
    return _link(programs)


def _build(program: Program) -> None:
    target = path(program)
    if target.exists():  # another call built it while this one waited for the lock
        return
    started = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    run_logged(
        ["go", "build", *program.flags(), "-o", unfinished, program.package],
        directory=SOURCES / program.module,
        environment={"CGO_ENABLED": "0"},
        log=cache_directory() / "logs" / f"build-{program.name}.log",
        advice="check that the Go module proxy answers (`go env GOPROXY`), then run `dev/cluster build` again",
    )
    unfinished.rename(target)
    _remember_seconds(program, time.monotonic() - started)


def _link(programs: Sequence[Program]) -> None:
    """Point the names people call at the current builds, safely beside other calls of this."""
    directory = link_directory()
    directory.mkdir(parents=True, exist_ok=True)
    for program in programs:
        for link in (directory / name for name in program.links):
            if link.is_symlink() and link.readlink() == path(program):
                continue
            fresh = directory / f".{link.name}.{os.getpid()}"
            fresh.symlink_to(path(program))
            fresh.rename(link)


def _durations_file() -> Path:
    return cache_directory() / "durations.json"


def _durations() -> dict[str, float]:
    try:
        known: dict[str, float] = json.loads(_durations_file().read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return known


def _expected_seconds(program: Program) -> float:
    return _durations().get(program.name, program.cold_seconds)


def _remember_seconds(program: Program, seconds: float) -> None:
    _durations_file().write_text(json.dumps({**_durations(), program.name: round(seconds, 1)}))
