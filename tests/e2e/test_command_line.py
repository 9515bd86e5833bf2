"""The command line on a running experiment, on one that has ended, and on one whose pods are all gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from luthier.api import keys
from luthier.trial.checkpoints import verify
from support.e2e_manifests import steady
from support.e2e_place import Place, condition
from support.e2e_wait import until


def rows(luthier: Any, name: str) -> list[dict[str, Any]]:
    return json.loads(luthier("trials", name, "--output", "json"))


def test_trials_checkpoints_and_logs_are_there_while_it_runs_while_it_rests_and_after_its_end(
    place: Place, luthier: Any, tmp_path: Path
) -> None:
    place.apply(steady("reading", pause=0.2, workers={"max": 1}, budget={"trials": 2, "iterationsPerTrial": 100_000}))
    place.wait_for_iterations("reading", 3)

    running = rows(luthier, "reading")
    assert {row["state"] for row in running} <= {"Running", "Waiting"}
    assert max(row["iteration"] for row in running) >= 3
    place.patch("reading", {"suspend": False})
    best = until("a checkpoint", lambda: place.status("reading").get("best", {}).get("checkpoint"), within=30)
    assert best.startswith("trials/")
    luthier("best", "reading", "--checkpoint", tmp_path / "live")
    verify(tmp_path / "live")
    assert "joined" in luthier("logs", "reading") or luthier("logs", "reading")

    luthier("suspend", "reading")
    until("no pod is left", lambda: not place.pods(keys.ROLE_DRIVER) or None, within=60)
    rested = rows(luthier, "reading")
    assert {row["state"] for row in rested} <= {"Running", "Waiting"}
    assert sum(row["iteration"] for row in rested) >= sum(row["iteration"] for row in running)
    assert not place.pods(keys.ROLE_READER), "the pod that read is gone"

    luthier("stop", "reading")
    status = place.wait_for("reading", "Succeeded")
    assert condition(status, "Succeeded")["reason"] == "Stopped"
    until("its driver has left", lambda: has_left(place) or None, within=30)
    ended = rows(luthier, "reading")
    assert {row["state"] for row in ended} == {"Stopped"}
    luthier("best", "reading", "--checkpoint", tmp_path / "ended")
    verify(tmp_path / "ended")
    assert not place.pods(keys.ROLE_READER)

    luthier("extend", "reading", "--trials", "+1")
    until("it goes on", lambda: place.status("reading")["attempt"] == 3 or None, within=60)
    luthier("stop", "reading")
    place.wait_for("reading", "Succeeded")


def has_left(place: Place) -> bool:
    return all(pod["status"]["phase"] == "Succeeded" for pod in place.pods(keys.ROLE_DRIVER))


def test_what_a_trial_prints_stands_in_the_log_of_whatever_pod_it_runs_in(place: Place, luthier: Any) -> None:
    say = ["sh", "-c", "i=0; while true; do i=$((i+1)); echo count=$i; sleep 0.3; done"]
    source = {"resources": {"cpu": 0.1}, "command": say}
    for name, workers in (("talks", {"max": 1}), ("talks-in-driver", {"max": 0})):
        manifest = steady(name, workers=workers, budget={"trials": 1, "parallelTrials": 1, "iterationsPerTrial": 9999})
        manifest["spec"]["trial"] = source
        place.apply(manifest)
    for name in ("talks", "talks-in-driver"):
        place.wait_for_iterations(name, 3)
        lines = luthier("logs", name, "--trial", "t0000").splitlines()
        assert "count=1" in lines
        assert "count=3" in lines
        assert luthier("logs", name, "--trial", "t0000", "--tail", 1).startswith("count=")
        assert "has printed nothing" in luthier("logs", name, "--trial", "t0099", code=2)


def test_a_trial_is_followed_to_whatever_pod_it_goes_on_in(place: Place, luthier: Any) -> None:
    say = ["sh", "-c", "i=0; while [ $i -lt 9999 ]; do i=$((i+1)); echo count=$i; sleep 0.3; done"]
    manifest = steady(
        "wanders", workers={"max": 1}, budget={"trials": 1, "parallelTrials": 1, "iterationsPerTrial": 9999}
    )
    manifest["spec"]["trial"] = {"resources": {"cpu": 0.1}, "command": say}
    place.apply(manifest)
    program = Path(sys.executable).parent / "luthier"
    command = [program, "logs", "wanders", "--trial", "t0000", "--follow", "-o", "json", "-n", place.name]
    environment = {**os.environ, **place.cluster.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as following:
        lines = (json.loads(line) for line in following.stdout or ())
        try:
            first = next(lines)
            assert (first["trial"], first["line"]) == ("t0000", "count=1")
            place.kubectl("delete", "pod", first["pod"], "--grace-period=0", "--force")
            next(line for line in lines if line["line"] == "count=1")  # by a pod that may have the same name
            luthier("stop", "wanders")
            assert all(line["trial"] == "t0000" for line in lines)
            assert following.wait(60) == 0, "it ends with the experiment"
        finally:
            following.kill()
