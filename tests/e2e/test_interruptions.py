"""What is killed, stopped or deleted in the middle: nothing is lost, done twice or left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from install import NAMESPACE, Installed
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, condition
from support.e2e_wait import until

OPERATOR = "app.kubernetes.io/component=operator"
GRACE_SECONDS = 30
TRIALS, ITERATIONS = 4, 20


def test_a_suspended_experiment_goes_on_where_it_stood(place: Place) -> None:
    place.apply(steady("pausing", workers={"max": 2}))
    place.wait_for_iterations("pausing", 5)

    place.patch("pausing", {"suspend": True})
    place.wait_for("pausing", "Suspended", within=10)
    until("its pods are gone", lambda: not place.objects("pods") or None, within=GRACE_SECONDS + 5)
    before = place.ledger("pausing")
    place.patch("pausing", {"suspend": False})
    status = place.wait_for("pausing", "Succeeded")

    assert condition(status, "Suspended")["status"] == "False"
    assert (status["attempt"], status.get("restarts", 0)) == (2, 0)
    book = place.ledger("pausing")
    check_that_all_was_done_once(status, book)
    for trial in before.unfinished():
        reported = len(before.of("result", trial))
        assert book.after_attempt(2).of("run", trial)[0]["iteration"] == reported, "nothing that was reported is lost"


def test_a_lost_driver_is_replaced_and_trials_go_on_from_their_checkpoints(place: Place) -> None:
    place.apply(steady("orphaned"))
    place.wait_for_iterations("orphaned", 5)
    (driver,) = place.pods(keys.ROLE_DRIVER)

    place.delete_pod(driver, by_force=True)
    status = place.wait_for("orphaned", "Succeeded")

    assert (status["attempt"], status["restarts"]) == (2, 1)
    book = place.ledger("orphaned")
    check_that_all_was_done_once(status, book)
    assert book.of("attempt")[1]["previousEnd"].startswith(("WorkerLost: driver", "Evicted: driver"))
    assert sum(status["failureCounts"].values()) == 1
    before = book.before_attempt(2)
    assert before.unfinished()
    for trial in before.unfinished():
        assert book.after_attempt(2).of("run", trial)[0]["iteration"] == before.last_saved(trial) >= 4


def test_a_trial_whose_worker_is_lost_goes_on_from_its_checkpoint(place: Place) -> None:
    place.apply(steady("uprooted", workers={"max": 2}))
    place.wait_for_iterations("uprooted", 5)

    place.delete_pod(place.pods(keys.ROLE_WORKER)[0], by_force=True)
    status = place.wait_for("uprooted", "Succeeded")

    assert (status["attempt"], status.get("restarts", 0)) == (1, 0)
    book = place.ledger("uprooted")
    check_that_all_was_done_once(status, book)
    (lost,) = book.of("retry")
    assert lost["cause"] in ("Evicted", "NodeLost")
    assert lost["counted"] is False
    at = book.records.index(lost)
    before, after = LedgerBook(book.records[:at]), LedgerBook(book.records[at:])
    assert after.of("run", lost["trial"])[0]["iteration"] == before.last_saved(lost["trial"]) >= 4


@pytest.mark.alone
def test_an_operator_that_is_killed_twice_loses_nothing_and_makes_no_twins(place: Place, installed: Installed) -> None:
    with place.watch("pods") as pods:
        place.apply(steady("unattended", budget={"iterationsPerTrial": 40}, workers={"max": 2}))
        place.wait_for_iterations("unattended", 5)
        kill_operator(installed)
        near_end = "all but the last results are there"
        until(near_end, lambda: place.status("unattended")["progress"]["percent"] >= 92, within=90)
        kill_operator(installed)
        status = place.wait_for("unattended", "Succeeded")
        until("its workers are gone", lambda: not place.pods(keys.ROLE_WORKER) or None, within=GRACE_SECONDS + 5)

    assert (status["attempt"], status.get("restarts", 0)) == (1, 0)
    base = f"unattended-{short_uid(place)}"
    assert {name: len(uids) for name, uids in pods.uids().items() if name.startswith("unattended")} == {
        f"{base}-driver-1": 1,
        f"{base}-worker-1-0": 1,
        f"{base}-worker-1-1": 1,
    }
    book = place.ledger("unattended")
    check_that_all_was_done_once(status, book, iterations=40)
    assert len(book.of("attempt")) == 1


@pytest.mark.alone
def test_an_experiment_that_is_deleted_while_the_operator_is_away_leaves_nothing(
    place: Place, installed: Installed
) -> None:
    place.apply(steady("forsaken", budget={"parallelTrials": 1, "iterationsPerTrial": 1000}, workers={"max": 1}))
    place.wait_for_iterations("forsaken", 2)

    with operator_away(installed):
        place.delete("forsaken")
        place.check_that_nothing_is_left()


def check_that_all_was_done_once(status: Json, book: LedgerBook, *, iterations: int = ITERATIONS) -> None:
    assert status["trials"]["succeeded"] == status["trials"]["total"] == TRIALS
    assert len(book.trials) == TRIALS
    assert book.results_more_than_once() == []
    results = book.of("result")
    assert len(results) == TRIALS * iterations
    assert all(record["metrics"]["count"] == record["iteration"] for record in results), "each went on from its state"


def short_uid(place: Place) -> str:
    (driver,) = place.pods(keys.ROLE_DRIVER)
    name: str = driver["metadata"]["name"]
    return name.removesuffix("-driver-1").rsplit("-", 1)[1]


def kill_operator(installed: Installed) -> None:
    flags = ["--grace-period=0", "--force", "--wait=false"]
    installed.kubectl("--namespace", NAMESPACE, "delete", "pod", "--selector", OPERATOR, *flags)


@contextmanager
def operator_away(installed: Installed) -> Iterator[None]:
    """Scale the operator to nothing for as long as the block lasts."""
    system = ["--namespace", NAMESPACE]
    scale = [*system, "scale", "deployment/luthier"]
    try:
        installed.kubectl(*scale, "--replicas=0")
        installed.kubectl(*system, "wait", "pod", "--selector", OPERATOR, "--for=delete", "--timeout=60s")
        yield
    finally:
        installed.kubectl(*scale, "--replicas=1")
        installed.kubectl(*system, "rollout", "status", "deployment/luthier", "--timeout=120s")
