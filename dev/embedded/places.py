"""Where things are: the sources, the cache of builds, and one cluster's state.

Nothing else composes a path of these, so a state directory can be read, moved
into a test's temporary directory or deleted as a whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import StepError

SOURCES = Path(__file__).resolve().parent.parent


def cache_directory() -> Path:
    """Return where builds are kept, for every checkout of every branch."""
    configured = os.environ.get("LUTHIER_DEV_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "luthier-dev"


def full_cluster() -> Layout:
    """Return the layout of this machine's one full cluster."""
    return Layout(Path(os.environ.get("LUTHIER_DEV_STATE", "/var/lib/luthier-dev")).resolve())


@dataclass(frozen=True)
class Layout:
    """The state directory of one cluster, full or API-only."""

    root: Path

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        """The components' output."""
        return self.root / "logs"

    @property
    def configuration(self) -> Path:
        """Files that components read."""
        return self.root / "configuration"

    @property
    def processes(self) -> Path:
        """One record per started component."""
        return self.root / "processes"

    @property
    def volumes(self) -> Path:
        """The directories behind persistent volumes."""
        return self.root / "volumes"

    @property
    def containerd_socket(self) -> Path:
        """What tells this containerd, and its shims, from any other."""
        return self.root / "run" / "containerd.sock"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request, if asked for."""
        return self.root / "audit.log"

    @property
    def admin_kubeconfig(self) -> Path:
        """The credentials a person uses."""
        return self.kubeconfig("admin")

    def kubeconfig(self, user: str) -> Path:
        """Return one component's credentials."""
        return self.root / "kubeconfigs" / f"{user}.kubeconfig"

    def log(self, component: str) -> Path:
        """Return one component's log."""
        return self.logs / f"{component}.log"

    def create(self) -> None:
        """Make the directories; the state holds private keys, so it is root's alone to list."""
        try:
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            raise StepError(f"no directory for the state: {error}", advice="choose one that can be written") from error
        for directory in (self.pki, self.kubeconfig("any").parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        for directory in (self.logs, self.configuration, self.processes, self.volumes, self.root / "run"):
            directory.mkdir(exist_ok=True)


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold a file lock, so that two calls of the tool do not build or start the same thing."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
