"""A small Python base image made from Debian's packages, since no registry has one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from embedded import builds, debian
from embedded.commands import read, run_logged
from embedded.pins import DEBIAN_MIRROR, IMAGE_PACKAGES, PYTHON_BASE_SUITE
from embedded.places import cache_directory, exclusive
from embedded.progress import Progress, say

REFERENCE = f"localhost/luthier/python-base:{PYTHON_BASE_SUITE}"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
KEY_LABEL = "luthier.dev/base-key"
DOCKERFILE = f"""\
FROM scratch
ADD rootfs.tar /
ENV LANG=C.UTF-8
LABEL {KEY_LABEL}={{key}}
CMD ["python3"]
"""
# Made again by whoever installs something; 60 MB less until then.
LEFTOVERS = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man")
LOG = "base-image.log"
ADVICE = f"check that {DEBIAN_MIRROR} answers, then run `dev/cluster base-image` again"


def ensure() -> str:
    """Build the base image unless buildah has this very one; return its reference."""
    debian.require_root()
    debian.ensure(IMAGE_PACKAGES)
    key = builds.content_key(DOCKERFILE, _filesystem_key())
    with exclusive(cache_directory() / "base-image.lock"):
        if _present_key() == key:
            say(f"{REFERENCE} is built already")
        else:
            _build(key)
    return REFERENCE


def _filesystem_key() -> str:
    return builds.content_key(PYTHON_BASE_SUITE, *PACKAGES, *LEFTOVERS)


def _present_key() -> str:
    template = f'{{{{index .OCIv1.Config.Labels "{KEY_LABEL}"}}}}'
    return read(["buildah", "inspect", "--type", "image", "--format", template, REFERENCE]).strip()


def _build(key: str) -> None:
    filesystem = cache_directory() / "images" / f"python-base-{_filesystem_key()}.tar"
    progress = Progress({"install Debian into a directory": 60, "make the image": 15})
    with progress.step("install Debian into a directory"):
        if not filesystem.exists():
            _bootstrap(filesystem)
    with progress.step("make the image"), tempfile.TemporaryDirectory(dir=filesystem.parent) as context:
        (Path(context) / "Dockerfile").write_text(DOCKERFILE.format(key=key))
        (Path(context) / "rootfs.tar").hardlink_to(filesystem)
        command = ["buildah", "bud", "--isolation", "chroot", "--tag", REFERENCE, context]
        run_logged(command, log=_log(), advice=f"read {_log()}")


def _bootstrap(target: Path) -> None:
    """Write the file system of a minimal Debian with Python as one tar file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rootfs-", dir=target.parent) as directory:
        root = Path(directory) / "root"
        selection = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
        run_logged(["debootstrap", *selection, PYTHON_BASE_SUITE, root, DEBIAN_MIRROR], log=_log(), advice=ADVICE)
        for leftover in LEFTOVERS:
            _empty(root / leftover)
        unfinished = target.with_suffix(".unfinished")
        run_logged(["tar", "--numeric-owner", "-cf", unfinished, "-C", root, "."], log=_log(), advice=ADVICE)
        unfinished.rename(target)


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _log() -> Path:
    return cache_directory() / "logs" / LOG
