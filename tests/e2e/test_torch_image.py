"""The contract of the GP searcher, kept where torch is: in a pod of the trial image's torch variant."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import tarfile
from pathlib import Path

from install import Installed
from support.e2e_place import Place, a_restricted_pod
from target import TORCH

TESTS = Path(__file__).parents[1]
LIBRARIES = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""What pytest is made of: all of it plain Python, so that the image need not hold it."""


def test_gp_keeps_the_contract_of_all_searchers(installed: Installed, place: Place):
    place.apply(a_restricted_pod("torch", installed.target.reference(TORCH), ["sleep", "infinity"]))
    place.kubectl("wait", "pod/torch", "--for=condition=Ready", "--timeout=60s")
    in_pod = [str(installed.tools / "kubectl"), "--namespace", place.name, "exec", "--stdin", "torch", "--"]
    script = (
        "tar -x -C /tmp && cd /tmp && OMP_NUM_THREADS=1 python -m pytest -q -p no:cacheprovider conformance/test_gp.py"
    )

    done = subprocess.run(
        [*in_pod, "sh", "-c", script],
        input=an_archive(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | installed.environment,
        check=False,
    )

    place.kubectl("delete", "pod", "torch", "--wait=false")
    assert done.returncode == 0, done.stdout.decode()
    assert b" passed" in done.stdout


def an_archive() -> bytes:
    """Return the tests and pytest as a tar archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("conformance", "support"):
            tar.add(TESTS / folder, folder, filter=_without_bytecode)
        for name in LIBRARIES:
            origin = Path(importlib.util.find_spec(name).origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            tar.add(source, source.name, filter=_without_bytecode)
    return archive.getvalue()


def _without_bytecode(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry
