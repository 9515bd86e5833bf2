"""A real API server for Python tests, from any test runner.

    with api_server() as server:
        config.load_kube_config(str(server.kubeconfig))

This file needs nothing else of the folder: load it by path, or put `dev` on
the import path and `from embedded.testing import api_server`.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(__file__).resolve().parent.parent / "cluster"


@dataclass(frozen=True)
class ApiServer:
    """A running API server with controllers and no node."""

    kubeconfig: Path
    audit_log: Path


@contextmanager
def api_server(*, audit: bool = False) -> Iterator[ApiServer]:
    """Start an API server in a directory of its own; end it and its state whatever happens."""
    with tempfile.TemporaryDirectory(prefix="api-server-") as directory:
        arguments = ["up", "--api-only", "--dir", directory, *(["--audit"] if audit else [])]
        try:
            subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
            root = Path(directory)
            yield ApiServer(root / "kubeconfigs" / "admin.kubeconfig", root / "audit.log")
        finally:
            subprocess.run([COMMAND, "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
