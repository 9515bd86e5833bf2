"""Processes of pods, as this machine sees them: it is the node."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def of_pod(uid: str) -> list[int]:
    """Return the processes of a pod's containers, as this machine numbers them."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_in(entry, uid)]


def rss_mib(process: int) -> float:
    """Return a process's resident memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    line = next((line for line in lines if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024


def send(process: int, number: signal.Signals) -> None:
    """Send a signal, if the process is still there."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _is_in(entry: Path, uid: str) -> bool:
    try:
        is_member = uid in (entry / "cgroup").read_text()
        return is_member and (entry / "comm").read_text().strip() not in ("pause", "runc", "runc:[2:INIT]")
    except OSError:
        return False
