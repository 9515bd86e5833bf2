"""Worker pods without a cluster: the real worker program, each on a loopback address of its own, joined to a Ray
that runs in this process. Only they have GPUs (which Ray merely counts), so trials that ask for one run there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import ray

from luthier.api import keys
from luthier.trial.nodes import Nodes
from luthier.trial.ray_node import TOKEN_PATH
from luthier.trial.server import ProgressServer

JOIN_SECONDS = 120
GRACE_SECONDS = 20
TOKEN_FILE = Path.home() / ".ray" / "auth_token"
"""Where a Ray on one machine keeps its token."""


@dataclass
class WorkerNode:
    """One worker program and all that it started."""

    name: str
    ip: str
    process: subprocess.Popen[bytes]
    frozen: list[int] = field(default_factory=list)

    def is_told_to_end(self) -> None:
        """Send what a kubelet sends first."""
        self.process.terminate()

    def freezes(self) -> None:
        """Stop every process, as a node that is cut off does to all who wait for it."""
        self.frozen = descendants(self.process.pid)
        for pid in self.frozen:
            os.kill(pid, signal.SIGSTOP)

    def is_killed(self) -> None:
        """Kill every process at once, frozen ones too."""
        if self.process.poll() is not None and not self.frozen:
            return
        for pid in self.frozen or descendants(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Workers:
    """The worker nodes of one test, and what their driver has heard of them."""

    directory: Path
    nodes: Nodes
    server: ProgressServer
    started: list[WorkerNode] = field(default_factory=list)

    def keep(self, number: int) -> None:
        """Have so many, one started after the other: two at a time stumble over what Rays on one machine share."""
        for node in self.started:
            if node.frozen:
                node.is_killed()
        while sum(node.process.poll() is None and not node.frozen for node in self.started) < number:
            node = self._one(len(self.started))
            self.started.append(node)
            deadline = time.monotonic() + JOIN_SECONDS
            while node.ip not in live_addresses():
                assert time.monotonic() < deadline, f"{node.name} did not join"
                time.sleep(0.05)

    def holding(self, process: int) -> WorkerNode:
        """Return the worker that a process runs on."""
        return next(node for node in self.started if process in descendants(node.process.pid))

    def _one(self, index: int) -> WorkerNode:
        name, ip = f"worker-{index}", f"127.0.0.{index + 11}"
        environment = os.environ | {
            keys.ENV_HEAD: ray.get_runtime_context().gcs_address,
            keys.ENV_DRIVER: f"127.0.0.1:{self.server.port}",
            keys.ENV_POD: name,
            keys.ENV_POD_UID: f"uid-of-{name}",
            keys.ENV_POD_IP: ip,
            keys.ENV_GRACE: str(GRACE_SECONDS),
            keys.ENV_CPUS: "1",
            keys.ENV_GPUS: "1",
            keys.ENV_SLOTS: "1",
            TOKEN_PATH: str(TOKEN_FILE),
        }
        with (self.directory / f"{name}.log").open("w") as log:
            command = [sys.executable, "-m", "luthier.trial.worker"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        return WorkerNode(name, ip, process)


@contextmanager
def worker_nodes(directory: Path) -> Iterator[Workers]:
    """Run worker programs, as many as are asked for, as long as the block lasts."""
    nodes = Nodes()
    token = TOKEN_FILE.read_text().strip()
    server = ProgressServer(0, "progress", "127.0.0.1", node_token=token, nodes=nodes)
    workers = Workers(directory, nodes, server)
    try:
        yield workers
    finally:
        server.close()
        for node in workers.started:
            node.is_killed()
            node.process.wait()
        deadline = time.monotonic() + JOIN_SECONDS
        while {node.ip for node in workers.started} & live_addresses() and time.monotonic() < deadline:
            time.sleep(0.1)


@contextmanager
def busy_machine() -> Iterator[None]:
    """Starve everything else of CPU: two processes a core do nothing but count."""
    spinning = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(spinning) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def live_addresses() -> set[str]:
    """Return the addresses of the nodes that Ray takes for alive."""
    return {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}


def descendants(root: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found
