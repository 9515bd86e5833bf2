"""Install what the node and the image builds need from Debian, and nothing twice.

Installing must not disturb the machine: no package is upgraded, and no service
is started, since a containerd of Debian's own would be in nobody's interest.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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


def unpacked(package: str, programs: Sequence[str]) -> Path:
    """Return a folder with a package's programs: the machine's own where it has them, else in the cache.

    The package is unpacked and not installed, so no service and no user comes with it.
    """
    own = shutil.which(programs[0])
    if own and all(shutil.which(program, path=str(Path(own).parent)) for program in programs):
        return Path(own).parent
    target = cache_directory() / "debian" / package
    folder = target / "usr" / "bin"
    log = cache_directory() / "logs" / "apt.log"
    with exclusive(cache_directory() / "apt.lock"):
        if all((folder / program).exists() for program in programs):
            return folder
        target.parent.mkdir(parents=True, exist_ok=True)
        progress = Progress({f"fetch {package}": 15})
        with progress.step(f"fetch {package}"), tempfile.TemporaryDirectory(dir=target.parent) as directory:
            _download(package, Path(directory), log)
            (archive,) = Path(directory).glob("*.deb")
            run_logged(["dpkg", "-x", archive, Path(directory) / "root"], log=log, advice=ADVICE)
            shutil.rmtree(target, ignore_errors=True)
            (Path(directory) / "root").rename(target)
    return folder


def _download(package: str, directory: Path, log: Path) -> None:
    """Fetch a package; the lists are refreshed only where they do not lead to it."""
    command = ["apt-get", "download", package]
    try:
        run_logged(command, log=log, directory=directory, advice=ADVICE)
    except StepError:
        run_logged(["apt-get", "update"], log=log, advice=ADVICE)
        run_logged(command, log=log, directory=directory, advice=ADVICE)


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
