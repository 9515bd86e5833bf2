"""What only the pod itself can read of its memory: how often the kernel has ended a process, how much is free."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
COUNTERS = ("memory.events", "memory/memory.oom_control")
"""Where cgroup v2 and v1 keep the counter `oom_kill`."""
LIMITS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)
"""Where cgroup v2 and v1 keep limit, usage, and what of the usage the kernel gives back when asked."""


def oom_kills(root: Path = ROOT) -> int:
    """Return the number of kills so far; 0 where nobody counts."""
    for counter in COUNTERS:
        count = _entry(root / counter, "oom_kill")
        if count is not None:
            return count
    return 0


def free_bytes(root: Path = ROOT, meminfo: Path = MEMINFO) -> int | None:
    """Return the bytes that may still be taken: up to the pod's limit, and not more than the node has; None where
    nobody says."""
    kibibytes = _entry(meminfo, "MemAvailable:")
    room = [kibibytes * 1024] if kibibytes is not None else []
    for limit, usage, stat, cache in LIMITS:
        most, used = _number(root / limit), _number(root / usage)
        if most is not None and used is not None:
            room.append(most - used + (_entry(root / stat, cache) or 0))
    return max(0, min(room)) if room else None


def dies_as_a_whole(root: Path = ROOT) -> bool:
    """Whether the kernel that runs out of this pod's memory ends all of its processes (cgroup v2, Kubernetes 1.28)."""
    return _number(root / "memory.oom.group") == 1


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _entry(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.split()[:1] == [name]), [])
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
