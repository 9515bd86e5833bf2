"""From a checkout to a running operator: cluster, images, chart. The demo and the end-to-end tests both use it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from target import OPERATOR, TORCH, TRIAL, Embedded, Given, Image, Kind, StepFailed, choose, run

NAMESPACE = "luthier-system"


@dataclass(frozen=True)
class Installed:
    """A cluster with Luthier on it."""

    kubeconfig: Path
    tools: Path
    target: Embedded | Kind | Given

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl and return its output."""
        return run([str(self.tools / "kubectl"), *arguments], what="kubectl", env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """Environment for kubectl, helm and luthier."""
        return {"KUBECONFIG": str(self.kubeconfig)}


def install(extra: Iterable[Image] = (), *, target: Embedded | Kind | Given | None = None) -> Installed:
    """Bring a cluster up, build and load the images, and install the chart."""
    where = target or choose()
    with step("cluster"):
        kubeconfig = where.start()
        installed = Installed(kubeconfig, where.tools(), where)
    with step("images"):
        where.provide([OPERATOR, TRIAL, *extra])
    with step("chart"):
        _helm(installed)
    return installed


def _helm(installed: Installed) -> None:
    values = []
    for key, image in (("image", OPERATOR), ("trialImage", TRIAL)):
        repository, tag = installed.target.reference(image).rsplit(":", 1)
        values += ["--set", f"{key}.repository={repository}", "--set", f"{key}.tag={tag}"]
    flags = ["--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout", "3m"]
    helm = str(installed.tools / "helm")
    pending = run(
        [helm, "list", "--pending", "--short", "--namespace", NAMESPACE], what="helm list", env=installed.environment
    )
    if "luthier" in pending.split():  # an installation that was killed half-way blocks every later one
        run([helm, "uninstall", "luthier", "--namespace", NAMESPACE], what="helm uninstall", env=installed.environment)
    command = [helm, "upgrade", "--install", "luthier", "helm/luthier", *flags, *values]
    run(command, what="installing the chart", env=installed.environment)
    # the tag stays the same while the image behind it changes, so the chart alone would leave the old pod running
    installed.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/luthier")
    installed.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/luthier", "--timeout=120s")


def clear_tests(installed: Installed) -> None:
    """Delete the namespaces that a killed run of the end-to-end tests left behind."""
    names = installed.kubectl("get", "namespaces", "--output=name").split()
    left = [name for name in names if name.startswith("namespace/e2e-")]
    if left:
        installed.kubectl("delete", *left, "--ignore-not-found")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say that a step begins and how long it took."""
    print(f"==> {name}", flush=True)
    began = time.monotonic()
    yield
    print(f"    {name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        clear_tests(install([TORCH], target=Embedded()))
    except StepFailed as error:
        sys.exit(str(error))
