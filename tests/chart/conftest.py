from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chart.rendering import ROOT, Helm, Rendered


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm, built once by the development cluster's command."""
    command = [str(ROOT / "dev" / "cluster"), "build", "--only", "helm"]
    folder = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return Helm(Path(folder) / "helm")


@pytest.fixture(scope="session")
def defaults(helm: Helm) -> Rendered:
    """What the chart installs when nobody sets anything."""
    return helm.render()


@pytest.fixture(scope="session")
def namespaced(helm: Helm) -> Rendered:
    """What it installs for two namespaces and without rights over the cluster."""
    return helm.render(watchNamespaces=["team-a", "team-b"], crds={"enabled": False})
