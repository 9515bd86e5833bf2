"""Start processes that outlive this one, and end exactly those again.

A pid alone does not name a process: it is reused. Each record also keeps the
kernel's start time and the command line, and a process is only signalled while
all three agree.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.places import Layout

TERM_SECONDS = 6.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Process:
    """One process as it was when this tool started it."""

    name: str
    pid: int
    start_ticks: int
    command: str

    def alive(self) -> bool:
        """Return whether that very process still runs."""
        return _start_ticks(self.pid) == self.start_ticks and command_line(self.pid) == self.command

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process is gone."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def memory_mebibytes(self) -> int:
        """Return the resident memory."""
        for line in _read(Path(f"/proc/{self.pid}/status")).splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        return 0


def start(layout: Layout, name: str, command: Sequence[str | Path]) -> Process:
    """Start a component in a session of its own unless it runs already, and record it."""
    running = recorded(layout, name)
    if running is not None and running.alive():
        return running
    words = [str(word) for word in command]
    with layout.log(name).open("ab") as log:
        child = subprocess.Popen(
            words,
            cwd=layout.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(name, child.pid, _start_ticks(child.pid) or 0, "\0".join(words))
    _record(layout, process)
    return process


def _record(layout: Layout, process: Process) -> None:
    """Write a record whole or not at all: this tool may be killed, too."""
    path = layout.processes / f"{process.name}.json"
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(process)))
    temporary.replace(path)


def recorded(layout: Layout, name: str) -> Process | None:
    """Return the record of a component, whether or not it still runs."""
    try:
        return Process(**json.loads((layout.processes / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None


def started_at(layout: Layout, name: str) -> float:
    """Return when a component was last started, in seconds since the epoch."""
    return (layout.processes / f"{name}.json").stat().st_mtime


def all_recorded(layout: Layout) -> list[Process]:
    """Return every component that was started in this state directory."""
    names = sorted(path.stem for path in layout.processes.glob("*.json"))
    return [process for process in (recorded(layout, name) for name in names) if process is not None]


def stop(layout: Layout, *names: str, kill: bool = False) -> None:
    """End components together, politely first unless `kill`, and forget their records."""
    found = [process for process in (recorded(layout, name) for name in names) if process is not None]
    if not kill:
        for process in found:
            process.signal(signal.SIGTERM)
        wait_until_dead(found, TERM_SECONDS)
    for process in found:
        process.signal(signal.SIGKILL)
    wait_until_dead(found, TERM_SECONDS)
    for process in found:
        (layout.processes / f"{process.name}.json").unlink(missing_ok=True)


def wait_until_dead(processes: Sequence[Process], seconds: float) -> None:
    """Wait until none of the processes runs, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(process.alive() for process in processes):
        time.sleep(POLL_SECONDS)


def with_argument(argument: str) -> list[Process]:
    """Return the running processes that were given exactly this argument."""
    found = []
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        command, ticks = command_line(pid), _start_ticks(pid)
        if ticks is not None and argument in command.split("\0"):
            found.append(Process("", pid, ticks, command))
    return found


def descendants(ancestors: Sequence[Process]) -> list[Process]:
    """Return every process below the given ones."""
    children: dict[int, list[int]] = {}
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        fields = _stat_fields(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    found, pending = [], [process.pid for process in ancestors]
    while pending:
        for pid in children.get(pending.pop(), []):
            pending.append(pid)
            found.append(Process("", pid, _start_ticks(pid) or 0, command_line(pid)))
    return found


def command_line(pid: int) -> str:
    """Return a process's arguments joined by NUL, as the kernel keeps them."""
    return _read(Path(f"/proc/{pid}/cmdline")).removesuffix("\0")


def _start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None for the dead and for zombies."""
    fields = _stat_fields(pid)
    return None if not fields or fields[0] in "ZX" else int(fields[19])


def _stat_fields(pid: int) -> list[str]:
    """Return the fields after the program's name, which may itself hold spaces and brackets."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
