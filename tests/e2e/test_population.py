"""Population based training over two pods with a GPU each: members exchange weights, and the pods comply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from install import Installed
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_place import Json, Place, a_place
from support.e2e_watch import Sights

NAME = "digits-pbt"
GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Run:
    """The example, run once for all tests of this module."""

    status: Json
    pods: Sights
    book: LedgerBook


@pytest.fixture(scope="module")
def place(installed: Installed, request: pytest.FixtureRequest) -> Iterator[Place]:
    failed_before = request.session.testsfailed
    with a_place(installed, NAME) as made:
        yield made
        if request.session.testsfailed == failed_before:
            made.check_that_deletion_leaves_nothing()


@pytest.fixture(scope="module")
def run(place: Place) -> Run:
    with place.watch("pods") as pods:
        place.apply_example(NAME)
        status = place.wait_for(NAME, "Succeeded")
    return Run(status, pods, place.ledger(NAME))


def test_it_ends_with_the_exact_count_and_a_good_network(run: Run) -> None:
    assert run.status["trials"]["succeeded"] == run.status["trials"]["total"] == 8
    assert float(run.status["bestValue"]) > 0.95
    assert run.book.results_more_than_once() == []


def test_two_worker_pods_with_a_gpu_each_run_at_the_same_time(run: Run) -> None:
    running: set[str] = set()
    most = 0
    for sight in run.pods.seen:
        name = sight.object["metadata"]["name"]
        if not is_worker(sight.object):
            continue
        assert sight.object["spec"]["containers"][0]["resources"]["limits"][GPU] == "1"
        runs = sight.kind != "DELETED" and sight.object["status"].get("phase") == "Running"
        running = running | {name} if runs else running - {name}
        most = max(most, len(running))
    assert most == 2


def test_exploits_and_their_lineage_are_in_status(run: Run) -> None:
    population = run.status["population"]
    assert population["exploits"] == len(run.book.exploits) > 0
    last = run.book.exploits[-1]
    shown = population["lineage"][-1]
    assert (shown["trial"], shown["donor"]) == (last["trial"], last["exploit"]["donor"])
    assert shown["checkpoint"] == last["exploit"]["checkpoint"]


def test_a_loser_goes_on_from_its_donors_checkpoint(run: Run) -> None:
    for index, record in enumerate(run.book.records):
        if record not in run.book.exploits:
            continue
        saved = {r["checkpoint"] for r in run.book.of("saved", record["exploit"]["donor"])}
        after = LedgerBook(run.book.records[index:])
        assert record["exploit"]["checkpoint"] in saved
        assert after.of("run", record["trial"])[0]["checkpoint"] == record["exploit"]["checkpoint"]


def test_what_members_did_is_counted_in_status_and_told_in_events(run: Run, place: Place) -> None:
    activity, told = run.status["activity"], {}
    assert activity["exploits"] == len(run.book.exploits)
    assert activity["explores"] == sum(bool(record["exploit"].get("changed")) for record in run.book.exploits)
    saved = run.book.of("saved")
    assert activity["checkpoints"]["saved"] == len(saved)
    assert activity["checkpoints"]["bytes"] == sum(record["bytes"] for record in saved) > 0
    assert run.status["lastImprovementTime"] <= run.status["lastResultTime"]
    for event in place.objects("events", f"--field-selector=involvedObject.name={NAME}"):
        told.setdefault(event["reason"], []).append(event["message"])
    assert told.keys() >= {"Accepted", "Started", "FirstResult", "NewBest", "Exploited", "BudgetReached", "Succeeded"}
    assert all(len(messages) <= 5 for messages in told.values()), told


def test_a_driver_is_labelled_for_prometheus(run: Run) -> None:
    (driver,) = [pod for pod in pods(run) if role_of(pod) == keys.ROLE_DRIVER]
    assert driver["metadata"]["labels"][keys.LABEL_METRICS] == "Summary"


def test_no_pod_has_a_token_of_the_api(run: Run) -> None:
    for pod in pods(run):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert not [v for v in pod["spec"]["volumes"] if "projected" in v]


def test_every_pod_runs_restricted_with_a_root_file_system_that_is_read_only(run: Run) -> None:
    for pod in pods(run):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]


def pods(run: Run) -> list[Json]:
    """Return driver and workers as they were made."""
    ours = {s.object["metadata"]["name"]: s.object for s in run.pods.seen if role_of(s.object)}
    assert {role_of(pod) for pod in ours.values()} == {keys.ROLE_DRIVER, keys.ROLE_WORKER}
    return list(ours.values())


def is_worker(pod: Json) -> bool:
    return role_of(pod) == keys.ROLE_WORKER


def role_of(pod: Json) -> str | None:
    role: str | None = pod["metadata"].get("labels", {}).get(keys.LABEL_ROLE)
    return role
