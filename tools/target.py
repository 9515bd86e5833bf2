"""Which cluster the demo and the end-to-end tests use, and how images get onto its nodes.

`KUBECONFIG` where it is set, else kind where a container engine runs, else the embedded
cluster of `dev/`. kind and the embedded cluster are
started from here and ended by `make clean-cluster`; a given one keeps what was installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEV = ROOT / "dev" / "cluster"
KIND_CLUSTER = "luthier-demo"
FAKE_GPUS = 8
"""As many as two tests of the most greedy kind want at the same time."""


class StepFailed(RuntimeError):
    """A step of the set-up failed; the message says which and what to do."""


def run(command: list[str], *, what: str, env: dict[str, str] | None = None) -> str:
    """Run a command and return its standard output; its progress goes to the terminal.

    Raises:
        StepFailed: it ended with an error.
    """
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | (env or {}), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise StepFailed(f"{what} failed (exit code {done.returncode}): {' '.join(command)}\n{done.stdout[-2000:]}")
    return done.stdout


@dataclass(frozen=True)
class Image:
    """One image that Luthier builds."""

    name: str
    dockerfile: str
    takes: str
    target: str | None = None


OPERATOR = Image("luthier/operator:dev", "operator/Dockerfile", "half a minute")
TRIAL = Image("luthier/trial:dev", "trial_image/Dockerfile", "two minutes")
TORCH = Image("luthier/trial:dev-torch", "trial_image/Dockerfile", "three minutes", "torch")


class Embedded:
    """The cluster of `dev/`."""

    registry = "localhost"

    def start(self) -> Path:
        """Bring it up with fake GPUs and return its kubeconfig."""
        run([str(DEV), "build"], what="building the embedded cluster's programs")
        kubeconfig = run([str(DEV), "up"], what="starting the embedded cluster").splitlines()[-1]
        run([str(DEV), "gpus", str(FAKE_GPUS)], what="advertising GPUs")
        return Path(kubeconfig)

    def tools(self) -> Path:
        """Return the folder with kubectl and helm."""
        return Path(run([str(DEV), "build"], what="building the embedded cluster's programs").splitlines()[-1])

    def build(self, images: list[Image]) -> None:
        """Build images."""
        base = run([str(DEV), "base-image"], what="building the base image").splitlines()[-1]
        for number, image in enumerate(images, start=1):
            print(f"    [{number}/{len(images)}] build {image.name}: {image.takes} the first time", flush=True)
            target = ["--target", image.target] if image.target else []
            flags = ["-f", image.dockerfile, "-t", image.name, "--build-arg", f"BASE_IMAGE={base}", *target]
            run([str(DEV), "build-image", *flags, "."], what=f"building {image.name}")

    def provide(self, images: list[Image]) -> None:
        """Build images and put them onto the node."""
        self.build(images)
        run([str(DEV), "load", *(image.name for image in images)], what="loading images onto the node")

    def reference(self, image: Image) -> str:
        """Return the name under which pods find an image."""
        return f"{self.registry}/{image.name}"


class Engine:
    """A cluster whose images a container engine (docker or podman) builds."""

    def __init__(self, engine: str) -> None:
        """Use this engine's command."""
        self.engine = engine

    def tools(self) -> Path:
        """Return the folder with kubectl and helm."""
        for name in ("kubectl", "helm"):
            if not shutil.which(name):
                raise StepFailed(f"{name} is not on the PATH; install it, or `dev/cluster build` makes one")
        return Path(shutil.which("helm") or "").parent

    def build(self, image: Image, reference: str) -> None:
        """Build an image."""
        target = ["--target", image.target] if image.target else []
        command = [self.engine, "build", "-f", image.dockerfile, "-t", reference, *target, "."]
        run(command, what=f"building {image.name}")


class Kind(Engine):
    """A kind cluster of our own."""

    def start(self) -> Path:
        """Create it unless it is there and return its kubeconfig."""
        kubeconfig = ROOT / ".kind" / "kubeconfig"
        kubeconfig.parent.mkdir(exist_ok=True)
        if KIND_CLUSTER not in run(["kind", "get", "clusters"], what="listing kind clusters").split():
            create = ["kind", "create", "cluster", "--name", KIND_CLUSTER, "--kubeconfig", str(kubeconfig)]
            run(create, what="creating the kind cluster")
        kubeconfig.write_text(run(["kind", "get", "kubeconfig", "--name", KIND_CLUSTER], what="kind get kubeconfig"))
        _advertise_gpus(kubeconfig)
        return kubeconfig

    def provide(self, images: list[Image]) -> None:
        """Build images and put them onto the node."""
        for image in images:
            self.build(image, self.reference(image))
            command = ["kind", "load", "docker-image", self.reference(image), "--name", KIND_CLUSTER]
            run(command, what=f"loading {image.name}")

    def reference(self, image: Image) -> str:
        """Return the name under which pods find an image."""
        return image.name


class Given(Engine):
    """The cluster that KUBECONFIG points to; images go through a registry that its nodes can pull from."""

    def start(self) -> Path:
        """Return the kubeconfig."""
        return Path(os.environ["KUBECONFIG"])

    def provide(self, images: list[Image]) -> None:
        """Build images and push them."""
        for image in images:
            self.build(image, self.reference(image))
            run([self.engine, "push", self.reference(image)], what=f"pushing {image.name}")

    def reference(self, image: Image) -> str:
        """Return the name under which pods find an image."""
        registry = os.environ.get("LUTHIER_REGISTRY")
        if not registry:
            raise StepFailed(
                "KUBECONFIG is set, so the images must come from a registry that its nodes can pull from: "
                "set LUTHIER_REGISTRY=registry.example.com/me, or unset KUBECONFIG to use a local cluster"
            )
        return f"{registry}/{image.name.removeprefix('luthier/')}"


def choose() -> Embedded | Kind | Given:
    """Return the cluster to use."""
    engine = next((name for name in ("docker", "podman") if _answers(name)), None)
    given = os.environ.get("KUBECONFIG")
    if given and Path(given).resolve() != _embedded_kubeconfig():
        if engine is None:
            raise StepFailed("KUBECONFIG is set, but no container engine (docker or podman) runs to build images with")
        return Given(engine)
    if not given and engine == "docker" and shutil.which("kind"):
        return Kind(engine)
    return Embedded()


def _embedded_kubeconfig() -> Path:
    return Path(run([str(DEV), "kubeconfig"], what="dev/cluster kubeconfig").strip()).resolve()


def _answers(engine: str) -> bool:
    if not shutil.which(engine):
        return False
    return subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0


def _advertise_gpus(kubeconfig: Path) -> None:
    kubectl = ["kubectl", "--kubeconfig", str(kubeconfig)]
    node = run([*kubectl, "get", "nodes", "-o", "name"], what="listing nodes").split()[0]
    patch = json.dumps({"status": {"capacity": {"nvidia.com/gpu": str(FAKE_GPUS)}}})
    run([*kubectl, "patch", node, "--subresource=status", "-p", patch], what="advertising GPUs")
