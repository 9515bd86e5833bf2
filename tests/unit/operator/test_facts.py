"""What the operator knows of a pod's end, and what of it the driver is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luthier.api.failures import Cause
from luthier.api.wire import Phase, Report, WorkerFact
from luthier.operator.contact import Contact
from luthier.operator.decide import decide
from luthier.operator.facts import why_it_ends, worker_facts
from luthier.operator.observation import Disruption, Exit, Observation, Pod, PodState
from luthier.operator.plan import DeletePod, PushFacts
from support.operator_builders import (
    NOW,
    a_condition,
    a_driver,
    a_driver_that_ended,
    a_refusal,
    a_report,
    a_started_status,
    a_status,
    a_worker,
    a_worker_that_ended,
    ago,
    an_observation,
    trouble,
)

ENDED = a_worker_that_ended(1, seconds_ago=1, ran_seconds=600)


def ended(reason: str, code: int = -1) -> Pod:
    return replace(ENDED, exit=Exit(code, reason, "the node was low on memory", ago(1)))


def disrupted(reason: str, **facts: object) -> Pod:
    return a_worker(1, PodState.LEAVING, disruption=Disruption(reason, "so it is"), **facts)


@pytest.mark.parametrize(
    ("pod", "cause", "words"),
    [
        pytest.param(ended("OOMKilled", 137), Cause.OUT_OF_MEMORY, "memory limit with exit code 137", id="killed"),
        pytest.param(ended("Evicted"), Cause.EVICTED, "low on memory", id="evicted by its node"),
        pytest.param(ended("NodeShutdown"), Cause.EVICTED, "NodeShutdown", id="its node shuts down"),
        pytest.param(ended("OutOfcpu"), Cause.REFUSED, "OutOfcpu", id="turned away by its node"),
        pytest.param(ENDED, Cause.WORKER_LOST, "exit code 1 (Error)", id="crashed"),
        pytest.param(disrupted("PreemptionByScheduler"), Cause.EVICTED, "PreemptionByScheduler", id="preempted"),
        pytest.param(disrupted("EvictionByEvictionAPI"), Cause.EVICTED, "EvictionByEvictionAPI", id="drained"),
        pytest.param(disrupted("DeletionByTaintManager"), Cause.EVICTED, "Taint", id="its node was tainted"),
        pytest.param(
            disrupted("DeletionByTaintManager", is_cut_off=True),
            Cause.NODE_LOST,
            "Taint",
            id="its node is silent for long",
        ),
        pytest.param(disrupted("DeletionByPodGC"), Cause.NODE_LOST, "PodGC", id="its node is no more"),
        pytest.param(a_worker(1, is_cut_off=True), Cause.NODE_LOST, "does not answer", id="its node is silent"),
        pytest.param(a_worker(1, PodState.UNSEEN), Cause.NODE_LOST, "does not answer", id="nobody sees it"),
        pytest.param(a_worker(1, PodState.LEAVING), Cause.EVICTED, "was deleted", id="deleted by somebody"),
    ],
)
def test_why_a_pod_ends(pod: Pod, cause: Cause, words: str) -> None:
    why = why_it_ends(pod)
    assert why is not None
    assert (why[0], words in why[1]) == (cause, True), why


def test_a_pod_that_runs_or_waits_does_not_end() -> None:
    assert [why_it_ends(pod) for pod in (a_worker(0), a_worker(1, PodState.PENDING))] == [None, None]


def test_the_driver_hears_of_workers_that_end_or_do_not_come_up() -> None:
    seen = an_observation(
        a_driver(),
        a_worker(0, ip="10.0.0.1"),
        a_worker(1, PodState.LEAVING, ip="10.0.0.2"),
        a_worker(2, PodState.PENDING, trouble=trouble("ImagePull")),
        a_worker(3, PodState.PENDING, trouble=trouble("Unschedulable")),
        refusals=(a_refusal("digits-12345-worker-1-4"), a_refusal("digits-12345")),
    )
    assert [(fact.name[-3:], fact.ip, fact.cause, fact.is_leaving) for fact in worker_facts(seen)] == [
        ("1-1", "10.0.0.2", Cause.EVICTED, True),
        ("1-2", None, Cause.IMAGE_PULL, False),
        ("1-4", None, Cause.REFUSED, False),
    ]


def test_a_worker_that_the_operator_itself_ends_is_no_failure() -> None:
    assert worker_facts(an_observation(a_driver(), a_worker(1, PodState.LEAVING, is_dismissed=True))) == ()


def test_workers_of_an_older_attempt_are_no_news() -> None:
    assert worker_facts(an_observation(a_driver(attempt=2), ENDED)) == ()


FACT = WorkerFact(name=ENDED.name, cause=Cause.WORKER_LOST)


def pushed(seen: Observation, *, report: Report | None = None, **contact: object) -> list[str]:
    known = Contact(attempt=1, report=report or a_report(), **contact)  # type: ignore[arg-type]
    actions = decide(replace(seen, contact=known), NOW).actions
    return [fact.name for action in actions if isinstance(action, PushFacts) for fact in action.facts]


SEEN = an_observation(a_driver(), a_worker(0), ENDED, previous=a_started_status())


def test_the_driver_is_told_before_the_pod_is_deleted() -> None:
    actions = decide(replace(SEEN, contact=Contact(attempt=1, report=a_report())), NOW).actions
    assert [type(action) for action in actions] == [PushFacts, DeletePod]


def test_what_the_driver_knows_is_not_told_again() -> None:
    assert (pushed(SEEN), pushed(SEEN, told=(FACT,))) == ([ENDED.name], [])


def test_what_could_not_be_told_is_told_though_the_pod_is_gone() -> None:
    gone = replace(SEEN, workers=(a_worker(0),))
    assert (pushed(gone), pushed(gone, owed=(FACT,))) == ([], [FACT.name])


def test_a_driver_that_has_finished_or_is_not_there_is_told_nothing() -> None:
    assert pushed(SEEN, report=a_report(Phase.FINISHED)) == []
    assert pushed(replace(SEEN, drivers=(a_driver(PodState.PENDING),))) == []


def previous_end(seen: Observation) -> str | None:
    (pod,) = (a.manifest for a in decide(seen, NOW).actions if str(a).startswith("create Pod digits-12345-driver"))  # type: ignore[union-attr]
    variables = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    return variables.get("LUTHIER_PREVIOUS_END")


def test_the_next_driver_is_told_how_the_last_one_ended() -> None:
    killed = replace(a_driver_that_ended(137), exit=Exit(137, "OOMKilled", "", ago(1)))
    assert (
        previous_end(an_observation(killed)) == "OutOfMemory: driver of attempt 1 ended with exit code 137 (OOMKilled)"
    )
    gone = an_observation(previous=a_started_status())
    assert previous_end(gone) == "WorkerLost: driver of attempt 1 is gone"
    drained = replace(gone, driver_end=(1, Cause.EVICTED))
    assert previous_end(drained) == "Evicted: driver of attempt 1 is gone"


def test_the_first_driver_and_one_after_a_suspension_follow_no_bad_end() -> None:
    resuming = a_status(a_condition("Running", "False", "Resuming"), attempt=1)
    assert [previous_end(an_observation()), previous_end(an_observation(previous=resuming))] == [None, None]
