"""The API server is away for a while: trials go on as if nothing had happened, and status is right again afterwards."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from install import Installed
from support.e2e_manifests import steady
from support.e2e_place import Place
from support.e2e_wait import until
from target import Embedded

AWAY_SECONDS = float(os.environ.get("LUTHIER_AWAY_SECONDS", "15"))
"""A minute shows the same, and takes three."""
PAUSE_SECONDS = 0.3
TRIALS = 2
STEPS_AWAY = int(AWAY_SECONDS / PAUSE_SECONDS)
OF_THE_PACE_BEFORE = 0.9
"""Wide, because the machine may be busy; the ratio itself is printed."""


@pytest.mark.alone
def test_trials_do_not_notice_and_the_operator_catches_up(place: Place, installed: Installed) -> None:
    steps = 2 * STEPS_AWAY + 40
    budget = {"trials": TRIALS, "parallelTrials": TRIALS, "iterationsPerTrial": steps}
    place.apply(steady("offline", pause=PAUSE_SECONDS, budget=budget))
    place.wait_for_iterations("offline", STEPS_AWAY + 5)

    begin = time.time()
    with api_server_away(installed):
        until("the outage has lasted", lambda: time.time() - begin >= AWAY_SECONDS or None, within=2 * AWAY_SECONDS)
    end = time.time()
    status = place.wait_for("offline", "Succeeded")

    book = place.ledger("offline")
    times = [record["time"] for record in book.of("result")]
    assert len(times) == TRIALS * steps
    assert (status["attempt"], status.get("restarts", 0), status.get("failureCounts", {})) == (1, 0, {})
    away = sum(begin <= moment < end for moment in times)
    before = sum(2 * begin - end <= moment < begin for moment in times)
    print(f"{away} results in {end - begin:.1f} s away, {before} in as long before: ratio {away / before:.3f}")  # noqa: T201  # the figure is asked for
    assert away >= OF_THE_PACE_BEFORE * before


@contextmanager
def api_server_away(installed: Installed) -> Iterator[None]:
    """Stop the embedded cluster's API server: whoever asks it waits for an answer that does not come."""
    if not isinstance(installed.target, Embedded):
        pytest.fail("only the embedded cluster's API server can be stopped")
    record = installed.kubeconfig.parent.parent / "processes" / "kube-apiserver.json"
    pid = int(json.loads(record.read_text())["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
