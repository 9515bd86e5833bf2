"""`make test` leaves out no folder of tests, and only says what it would do when asked for no more."""

from __future__ import annotations

import subprocess

import pytest

from target import ROOT

FOLDERS = sorted({path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/*/**/test_*.py")})


def said_by(*targets: str) -> str:
    """Return the commands that targets stand for."""
    command = ["make", "--dry-run", *targets]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_of_tests_is_run(folder: str) -> None:
    test = said_by("test").splitlines()
    stages = [word for line in test if line.startswith("make ") for word in line.split()[1:]]

    assert f"tests/{folder}" in said_by(*stages)
