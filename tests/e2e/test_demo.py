"""`make demo` on a cluster that is up: what a newcomer reads on the last page."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from install import Installed
from target import ROOT


@pytest.mark.alone
def test_the_demo_ends_with_the_winner_its_lineage_and_what_to_type_next(installed: Installed):
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}

    demo = subprocess.run(
        [sys.executable, "tools/demo.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    installed.kubectl("delete", "tuningexperiments", "digits-pbt", "--wait=false")

    assert demo.returncode == 0, demo.stdout + demo.stderr
    for part in ("digits-pbt succeeded", "Best: t000", "accuracy", "checkpoint", "Lineage", "make clean-cluster"):
        assert part in demo.stdout
