"""Images without a registry: written or built here, then handed to the node.

System images are written as archives by this tool; all others are built by
buildah, in its own storage, and imported into the node's containerd.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded import archive, builds, debian
from embedded.commands import read, run_logged
from embedded.errors import StepError
from embedded.pins import IMAGE_PACKAGES, Program
from embedded.places import Layout, cache_directory
from embedded.progress import Progress, say


@dataclass(frozen=True)
class SystemImage:
    """An image that holds one of this tool's programs; its tag is the build's key."""

    program: Program

    @property
    def reference(self) -> str:
        """Return the name a pod asks for."""
        return f"localhost/luthier-dev/{self.program.name}:{builds.key(self.program)}"

    def ensure(self, layout: Layout) -> None:
        """Write the archive and import it, as far as either is missing."""
        if self.reference in node_images(layout):
            return
        file = cache_directory() / "images" / f"{self.program.name}-{builds.key(self.program)}.tar"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            archive.write(file, self.reference, builds.path(self.program))
        _import(layout, file)


def node_images(layout: Layout) -> dict[str, str]:
    """Return the digest of every image the node has, by reference."""
    rows = (line.split() for line in read([*_ctr(layout), "images", "list"]).splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def load(layout: Layout, names: Sequence[str]) -> None:
    """Copy images from buildah's storage to the node, unless it has the very same."""
    if not node_images(layout):
        raise StepError("the node's containerd does not run", advice="run `dev/cluster up` first")
    identities = {_qualified(name): _image_id(name) for name in names}
    progress = Progress({f"load {name}": 20 for name in identities})
    for name, identity in identities.items():
        present = node_images(layout)
        if name in present and present.get(f"sha256:{identity}") == present[name]:
            say(f"{name} is on the node already")
            continue
        with progress.step(f"load {name}"):
            _copy(layout, name)


def build(*, dockerfile: Path, tag: str, context: Path, arguments: Sequence[str], target: str | None) -> None:
    """Build an image with cached layers; its output goes to the terminal."""
    debian.ensure(IMAGE_PACKAGES)
    command = [
        "buildah", "bud", "--layers", "--isolation", "chroot", "--pull-never",
        "--file", str(dockerfile), "--tag", tag,
        *(f"--volume={mount}" for mount in host_trust()),
        *(f"--build-arg={argument}" for argument in arguments),
        *([f"--target={target}"] if target else []),
        str(context),
    ]  # fmt: skip
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise StepError(f"buildah could not build {tag}", advice="its own message is above; finished layers are kept")


def host_trust() -> list[str]:
    """Return the mounts that let a build reach this machine's package registries.

    They are mounts and not build arguments, so nothing of this machine gets
    into the image or into the key of a cached layer.
    """
    mounts = ["/etc/ssl/certs:/etc/ssl/certs:ro"]
    if Path("/etc/pip.conf").exists():
        mounts.append("/etc/pip.conf:/etc/pip.conf:ro")
    return mounts


def _copy(layout: Layout, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="image-", dir=_scratch()) as directory:
        file = Path(directory) / "image.tar"
        run_logged(
            ["buildah", "push", name, f"docker-archive:{file}:{name}"],
            log=layout.log("images"),
            advice="`buildah images` lists what can be loaded; the copy needs the image's size in free disk",
        )
        _import(layout, file)


def _import(layout: Layout, file: Path) -> None:
    run_logged(
        [*_ctr(layout), "images", "import", file],
        log=layout.log("images"),
        advice=f"read {layout.log('containerd')}; a full disk is the usual cause",
    )


def _qualified(name: str) -> str:
    """Return the full reference: without a registry, buildah's local images are `localhost/...:latest`."""
    if "/" not in name or not (name.startswith("localhost/") or "." in name.split("/")[0]):
        name = f"localhost/{name}"
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def _image_id(name: str) -> str:
    identity = read(["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", name]).strip()
    if not identity:
        raise StepError(
            f"buildah has no image {name}", advice="build it with `dev/cluster build-image`; `buildah images` lists all"
        )
    return identity


def _scratch() -> Path:
    directory = cache_directory() / "scratch"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _ctr(layout: Layout) -> list[str]:
    return ["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io"]
