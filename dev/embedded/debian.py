"""Install what the node and the image builds need from Debian, and nothing twice.

Installing must not disturb the machine: no package is upgraded, and no service
is started, since a containerd of Debian's own would be in nobody's interest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from embedded.commands import run_logged
from embedded.errors import StepError
from embedded.places import cache_directory, exclusive
from embedded.progress import Progress

POLICY = Path("/usr/sbin/policy-rc.d")
FORBID_SERVICES = "#!/bin/sh\nexit 101\n"
ADVICE = "check Debian's mirror with `apt-get update`, then run the command again"


def require_root() -> None:
    """Refuse early: namespaces, mounts and networks need it."""
    if os.geteuid() != 0:
        raise StepError("the full cluster needs root", advice="run it as root; `up --api-only` works for everyone")


def ensure(programs: Mapping[str, str]) -> None:
    """Install the packages of the programs that are missing."""
    packages = sorted({package for program, package in programs.items() if not _present(program)})
    if not packages:
        return
    require_root()
    log = cache_directory() / "logs" / "apt.log"
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    progress = Progress({"refresh the package lists": 10, f"install {', '.join(packages)}": 20})
    with exclusive(cache_directory() / "apt.lock"), _no_services():
        with progress.step("refresh the package lists"):
            run_logged(["apt-get", "update"], log=log, environment=environment, advice=ADVICE)
        with progress.step(f"install {', '.join(packages)}"):
            command = ["apt-get", "install", "--yes", "--no-install-recommends", "--no-upgrade", *packages]
            run_logged(command, log=log, environment=environment, advice=ADVICE)


def _present(program: str) -> bool:
    return shutil.which(program) is not None or Path(program).exists()


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian from starting services at installation, unless the machine has a policy already."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(FORBID_SERVICES)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
