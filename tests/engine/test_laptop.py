"""`luthier run`: the manifest of the cluster on the laptop, with the same result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
LUTHIER = Path(sys.executable).parent / "luthier"


def luthier(*arguments: str) -> str:
    done = subprocess.run([LUTHIER, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_same_manifest_and_seed_give_the_same_winner_as_on_the_cluster(tmp_path: Path) -> None:
    shown = luthier("run", "examples/quadratic/experiment.yaml", "--output", str(tmp_path / "out"))

    assert "8/8 trials done" in shown
    assert "quadratic succeeded" in shown
    assert "x=2.5514" in luthier("best", str(tmp_path / "out"), "--format", "args")
    again = json.loads(luthier("run", "--resume", str(tmp_path / "out"), "--json"))
    assert again["report"]["best"]["trial"] in shown
    assert again["directory"] == str(tmp_path / "out")
