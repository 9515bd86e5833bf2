"""The worker pod's own process: what it tells the driver, when it leaves, and that it is small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

from luthier.api.failures import Cause
from luthier.trial.cgroup import oom_kills
from luthier.trial.nodes import Nodes
from luthier.trial.server import ProgressServer
from luthier.trial.worker import END_SECONDS

POD, IP, TOKEN = "w-0", "10.0.0.7", "ray"
IN_TIME = 30
A_SUPERVISOR = """
import sys
from pathlib import Path
from luthier.trial.cgroup import oom_kills
from luthier.trial.driver_link import DriverLink
from luthier.trial.worker import Supervisor, listen

address, grace, root, *command = sys.argv[1:]
listen()
link = DriverLink(address, "ray", "w-0", "uid-0", "10.0.0.7")
print("ready", flush=True)
sys.exit(Supervisor(link, float(grace), lambda: oom_kills(Path(root))).run(command))
"""
FOR_EVER = ["/bin/sleep", "1000"]


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def driver(nodes):
    server = ProgressServer(0, "progress", "127.0.0.1", node_token=TOKEN, nodes=nodes)
    yield f"127.0.0.1:{server.port}"
    server.close()


@contextmanager
def supervised(address, command=FOR_EVER, grace=60, root="/nowhere"):
    arguments = [sys.executable, "-c", A_SUPERVISOR, address, str(grace), str(root), *command]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def comes_true(look):
    deadline = time.monotonic() + IN_TIME
    while not look():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("exit 0", 0), ("kill -KILL $$", 137)])
def test_the_end_of_its_ray_is_its_own_end(driver, script, code):
    with supervised(driver, ["/bin/sh", "-c", script]) as process:
        assert process.wait(IN_TIME) == code


def test_it_introduces_itself_so_that_the_driver_knows_the_pod_by_its_address(driver, nodes):
    with supervised(driver):
        comes_true(lambda: nodes.names == {IP: POD})


def test_a_kill_for_memory_is_told_as_soon_as_the_kernel_counts_it(driver, nodes, tmp_path):
    events = tmp_path / "memory.events"
    events.write_text("oom 0\noom_kill 0\n")
    with supervised(driver, root=tmp_path):
        comes_true(lambda: nodes.names)
        assert nodes.cause_of_loss(IP, time.time()) is None

        events.write_text("oom 1\noom_kill 1\n")

        comes_true(lambda: nodes.cause_of_loss(IP, time.time()) is not None)


def test_told_to_end_it_stays_until_no_trial_is_left_and_then_leaves_in_order(driver, nodes):
    with supervised(driver) as process:
        process.terminate()
        comes_true(lambda: nodes.leaving == {IP})
        assert nodes.cause_of_loss(IP, time.time())[0] is Cause.EVICTED
        assert process.poll() is None

        nodes.empty([IP])

        assert process.wait(IN_TIME) == 0


@pytest.mark.parametrize("address", ["127.0.0.1:1", "driver.invalid:1"], ids=["nobody listens", "no such name"])
def test_it_does_not_wait_for_a_driver_that_is_gone(address):
    with supervised(address) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(IN_TIME) == 0


def test_it_leaves_before_its_grace_is_over_though_a_trial_is_left(driver, nodes):
    grace = 2 * END_SECONDS + 1
    with supervised(driver, grace=grace) as process:
        began = time.monotonic()
        process.terminate()
        assert process.wait(IN_TIME) == 0
        assert 1 <= time.monotonic() - began < grace


def test_a_ray_that_does_not_end_when_asked_is_killed(driver, nodes):
    deaf = ["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]
    with supervised(driver, deaf) as process:
        assert process.stdout.readline() == "deaf\n"
        nodes.empty([IP])
        process.terminate()
        assert process.wait(IN_TIME) == 0


def test_it_takes_none_of_the_memory_that_is_the_trials():
    heavy = "import sys, luthier.trial.worker; print({'ray', 'pydantic', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout == "set()\n"


COUNTERS = {
    "cgroup v2": ({"memory.events": "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n"}, 2),
    "cgroup v1": ({"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"}, 4),
    "nobody counts": ({}, 0),
    "an old kernel's v1": ({"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"}, 0),
    "nonsense": ({"memory.events": "oom_kill many\n\n"}, 0),
}


@pytest.mark.parametrize(("files", "kills"), COUNTERS.values(), ids=COUNTERS)
def test_kills_are_read_where_the_kernel_counts_them(tmp_path, files, kills):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert oom_kills(tmp_path) == kills
