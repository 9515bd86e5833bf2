"""What an attempt runs with: what one would need to know to do it again."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from luthier.api import keys

PACKAGES = ("luthier", "ray", "optuna", "numpy", "scipy", "scikit-learn", "torch")


def environment() -> dict[str, str]:
    """Return the image, where the pod was told which, and the versions of what decides an experiment's results."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    if image := os.environ.get(keys.ENV_IMAGE):
        found["image"] = image
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
