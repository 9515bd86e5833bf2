"""The embedded cluster's own promises that the other tests do not lean on."""

from __future__ import annotations

import json
import subprocess

import pytest

from install import Installed
from support.e2e_wait import until
from target import DEV


@pytest.fixture
def fake_nodes(installed: Installed):
    """Makes fake nodes, and none are left in the end."""

    def make(count: int, gpus: int) -> None:
        subprocess.run([DEV, "fake-nodes", str(count), "--gpus", str(gpus)], check=True)

    yield make
    subprocess.run([DEV, "fake-nodes", "0"], check=True)


@pytest.mark.alone
def test_a_hundred_fake_nodes_are_ready_with_their_gpus(installed: Installed, fake_nodes):
    fake_nodes(100, gpus=8)

    nodes = until("100 fake nodes", lambda: ready(installed, 100), within=60)
    assert {node["status"]["capacity"]["nvidia.com/gpu"] for node in nodes} == {"8"}


@pytest.mark.alone
def test_a_second_up_leaves_what_runs_alone(installed: Installed):
    def processes() -> str:
        said = subprocess.run([DEV, "status"], check=True, capture_output=True, text=True).stdout
        return "\n".join(line for line in said.splitlines() if " pid " in line).replace("MiB", "")

    def pids() -> list[str]:
        return [line.split(" pid ")[1].split()[0] for line in processes().splitlines()]

    before = pids()
    subprocess.run([DEV, "up"], check=True)

    assert pids() == before


def ready(installed: Installed, count: int) -> list[dict] | None:
    nodes = json.loads(installed.kubectl("get", "nodes", "--selector=type=kwok", "--output=json"))["items"]
    are_ready = [
        node
        for node in nodes
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))
    ]
    return nodes if len(are_ready) == count else None
