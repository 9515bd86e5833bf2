"""A worker pod is a slot: what happens to it happens to its own trial only, and costs nothing that was saved."""

from __future__ import annotations

import signal

import pytest

from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_manifests import hungry, steady
from support.e2e_place import Json, Place, moment
from support.e2e_wait import until
from support.processes import of_pod, send

ITERATIONS = 20
GRACE_SECONDS = 30
NOTICED_SECONDS = 10
"""A frozen node is known within this time; Ray's own settings take 66 seconds."""


RAY_IS_FIRST = {"name": "RAY_memory_usage_threshold", "value": "0.7"}
"""Ray minds the limit seconds before it is reached; at its default of 0.95 the kernel may be faster."""
RAY_IS_BLIND = {"name": "RAY_memory_monitor_refresh_ms", "value": "0"}
"""Only the kernel minds the limit."""


def with_setting(variable: dict[str, str]) -> Json:
    return {"template": {"spec": {"containers": [{"name": keys.CONTAINER, "env": [variable]}]}}}


@pytest.mark.alone
def test_a_trial_that_takes_too_much_memory_is_killed_alone_by_ray_or_by_the_kernel(place: Place) -> None:
    by_ray, by_kernel = hungry("by-ray", 64, 4096, limit="1Gi"), hungry("by-kernel", 64, 4096, limit="1Gi")
    by_ray["spec"]["workers"] |= with_setting(RAY_IS_FIRST)
    by_kernel["spec"]["workers"] |= with_setting(RAY_IS_BLIND)
    place.apply(by_ray, by_kernel)

    check_that_only_the_greedy_trial_was_killed(place, "by-ray", "running low on memory")
    check_that_only_the_greedy_trial_was_killed(place, "by-kernel", "killed at the pod's memory limit")


def check_that_only_the_greedy_trial_was_killed(place: Place, name: str, words: str) -> None:
    status = place.wait_for(name, "Succeeded")
    assert (status["trials"]["succeeded"], status["trials"]["failed"]) == (1, 1)
    assert status["failureCounts"] == {"OutOfMemory": 1}
    assert (status["attempt"], status.get("restarts", 0)) == (1, 0)
    book = place.ledger(name)
    sizes = {record["trial"]: record["values"]["megabytes"] for record in book.of("trial")}
    (killed,) = [record for record in book.records if record.get("cause") == "OutOfMemory"]
    assert sizes[killed["trial"]] == 4096
    assert words in killed["message"]
    (other,) = sizes.keys() - {killed["trial"]}
    assert len(book.of("run", other)) == 1, "the other was not interrupted"
    assert len(book.of("result", other)) == ITERATIONS


def test_a_worker_that_is_deleted_saves_its_trial_first_and_not_a_step_is_repeated(place: Place) -> None:
    place.apply(steady("evicted", budget={"trials": 2}, workers={"max": 2}))
    place.wait_for_iterations("evicted", 5)
    leaving = place.pods(keys.ROLE_WORKER)[0]

    place.delete_pod(leaving, by_force=False)
    until("it is gone before its grace is over", lambda: is_replaced(place, leaving) or None, within=GRACE_SECONDS - 10)
    status = place.wait_for("evicted", "Succeeded")

    assert status["trials"]["succeeded"] == 2
    assert (status["attempt"], status.get("restarts", 0)) == (1, 0)
    book = place.ledger("evicted")
    (moved,) = book.of("retry")
    assert (moved["cause"], moved["counted"]) == ("Evicted", False)
    at = book.records.index(moved)
    before, after = LedgerBook(book.records[:at]), LedgerBook(book.records[at:])
    assert after.of("run", moved["trial"])[0]["iteration"] == len(before.of("result", moved["trial"])) >= 5
    assert book.results_more_than_once() == []
    assert all(record["metrics"]["count"] == record["iteration"] for record in book.of("result"))


@pytest.mark.alone
def test_a_pod_that_freezes_is_taken_for_lost_and_another_takes_its_place(place: Place) -> None:
    place.apply(steady("frozen", budget={"trials": 2}, workers={"max": 2}))
    place.wait_for_iterations("frozen", 5)
    frozen = place.pods(keys.ROLE_WORKER)[0]
    processes = of_pod(frozen["metadata"]["uid"])

    for process in processes:
        send(process, signal.SIGSTOP)
    stopped = moment()
    until("another pod has its place", lambda: is_replaced(place, frozen) or None, within=60)
    status = place.wait_for("frozen", "Succeeded")

    assert processes
    assert status["trials"]["succeeded"] == 2
    assert (status["attempt"], status.get("restarts", 0)) == (1, 0)
    book = place.ledger("frozen")
    (lost,) = book.of("retry")
    assert (lost["cause"], lost["counted"]) == ("NodeLost", False)
    assert lost["time"] - stopped < NOTICED_SECONDS
    assert all(record["metrics"]["count"] == record["iteration"] for record in book.of("result"))


def is_replaced(place: Place, pod: Json) -> bool:
    """Tell whether a pod with this uid is there no more."""
    return pod["metadata"]["uid"] not in {other["metadata"]["uid"] for other in place.pods(keys.ROLE_WORKER)}
