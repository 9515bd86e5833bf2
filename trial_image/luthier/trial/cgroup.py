"""How often the kernel has ended a process of this pod for its memory limit: only the pod itself can read that."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
COUNTERS = ("memory.events", "memory/memory.oom_control")
"""Where cgroup v2 and v1 keep the counter `oom_kill`."""


def oom_kills(root: Path = ROOT) -> int:
    """Return the number of kills so far; 0 where nobody counts."""
    for counter in COUNTERS:
        try:
            lines = (root / counter).read_text().splitlines()
        except OSError:
            continue
        counts = dict(line.split(maxsplit=1) for line in lines if " " in line)
        if counts.get("oom_kill", "").isdigit():
            return int(counts["oom_kill"])
    return 0
