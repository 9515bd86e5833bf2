"""What a node leaves on its machine when it ends: containers, mounts, cgroups, links."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
from pathlib import Path

from embedded import node, processes
from embedded.errors import StepError
from embedded.places import Layout
from embedded.processes import Process

MNT_DETACH = 2
SHIM_SOCKETS = Path("/run/containerd/s")
NETWORK_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
END_SECONDS = 10.0


def end_containers(layout: Layout) -> None:
    """End the pods' processes and their shims, which outlive containerd by design.

    A shim belongs to this cluster if it was told this cluster's containerd socket;
    whatever runs below such a shim is a container of ours.
    """
    told = processes.with_argument(str(layout.containerd_socket))
    shims = [process for process in told if Path(process.command.split("\0")[0]).name.startswith("containerd-shim")]
    containers = processes.descendants(shims)
    for process in (*containers, *shims):
        process.signal(signal.SIGKILL)
    processes.wait_until_dead([*containers, *shims], END_SECONDS)
    for shim in shims:
        _forget(shim)


def _forget(shim: Process) -> None:
    """Delete what containerd keeps about a shim outside of its own directories."""
    words = shim.command.split("\0")
    address, namespace, identity = (words[words.index(flag) + 1] for flag in ("-address", "-namespace", "-id"))
    socket = hashlib.sha256(f"{address}/{namespace}/{identity}".encode()).hexdigest()
    (SHIM_SOCKETS / socket).unlink(missing_ok=True)
    for result in NETWORK_RESULTS.glob(f"*-{identity}-*"):
        result.unlink()


def unmount(layout: Layout) -> None:
    """Unmount everything below the state directory, the deepest first."""
    for point in reversed(_mounts(layout)):
        _detach(point)
    left = _mounts(layout)
    if left:
        raise StepError(
            f"still mounted: {', '.join(left)}", advice="unmount them by hand, then run `dev/cluster down` again"
        )


def clear(layout: Layout) -> None:
    """Delete what has no meaning without the processes that ended."""
    shutil.rmtree(layout.root / "run", ignore_errors=True)
    node.remove_cgroups()
    if CONTAINER_LOGS.is_dir():
        for link in CONTAINER_LOGS.iterdir():
            if link.is_symlink() and os.readlink(link).startswith(f"{layout.root}/"):
                link.unlink()


def _mounts(layout: Layout) -> list[str]:
    """Return the mount points below the state directory, in the order of mounting."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if point.startswith(f"{layout.root}/")]


def _detach(point: str) -> None:
    ctypes.CDLL(None, use_errno=True).umount2(point.encode(), MNT_DETACH)
