"""What is read from a pod as the API server stores it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.api import keys
from luthier.operator.observation import Disruption, PodState
from luthier.operator.pods import as_number, read_pod, trouble_from_events
from support.operator_builders import a_driver

Json = dict[str, Any]
STARTED = "2026-11-21T12:00:00Z"


def a_body(status: Json | None = None, **metadata: Any) -> Json:
    labels = {keys.LABEL_ROLE: "worker", keys.LABEL_ATTEMPT: "2", "luthier.dev/index": "3"}
    return {
        "metadata": {"name": "p", "uid": "u", "labels": labels, "creationTimestamp": STARTED, **metadata},
        "status": status or {},
    }


def with_container(state: Json, phase: str = "Pending", name: str = keys.CONTAINER) -> Json:
    return a_body({"phase": phase, "containerStatuses": [{"name": name, "image": "example/trial:1", "state": state}]})


ENDED = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": STARTED, "finishedAt": STARTED}}
LEAVING = "2026-11-21T12:00:30Z"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        pytest.param(a_body(), PodState.PENDING, id="just created"),
        pytest.param(a_body({"phase": "Running"}), PodState.RUNNING, id="running"),
        pytest.param(a_body({"phase": "Failed", "reason": "Evicted"}), PodState.ENDED, id="evicted"),
        pytest.param(a_body({"phase": "Unknown"}), PodState.UNSEEN, id="on a node that nobody sees"),
        pytest.param(with_container(ENDED, "Running"), PodState.ENDED, id="ended beside a sidecar that runs on"),
        pytest.param(a_body({"phase": "Running"}, deletionTimestamp=LEAVING), PodState.LEAVING, id="leaving"),
        pytest.param(a_body({"phase": "Failed"}, deletionTimestamp=LEAVING), PodState.LEAVING, id="ended and leaving"),
    ],
)
def test_where_it_stands(body: Json, state: PodState) -> None:
    assert read_pod(body).state is state


def test_its_labels_tell_whose_it_is() -> None:
    pod = read_pod(a_body())
    assert (pod.role, pod.attempt, pod.index) == ("worker", 2, 3)


def test_how_it_ended() -> None:
    end = read_pod(with_container(ENDED, "Failed")).exit
    assert end is not None
    assert (end.code, end.reason) == (137, "OOMKilled")


def test_an_evicted_pod_has_no_exit_code_but_a_reason() -> None:
    end = read_pod(a_body({"phase": "Failed", "reason": "Evicted", "message": "node was low on memory"})).exit
    assert end is not None
    assert (end.code, end.reason, end.message) == (-1, "Evicted", "node was low on memory")


def with_conditions(*conditions: Json, **status: Any) -> Json:
    running = {"name": keys.CONTAINER, "ready": True, "state": {"running": {"startedAt": STARTED}}}
    return a_body({"phase": "Running", "conditions": [*conditions], "containerStatuses": [running], **status})


def test_why_kubernetes_ends_it() -> None:
    pod = read_pod(with_conditions({"type": "DisruptionTarget", "status": "True", "reason": "R", "message": "m"}))
    assert pod.disruption == Disruption("R", "m")
    assert read_pod(with_conditions({"type": "DisruptionTarget", "status": "False"})).disruption is None


@pytest.mark.parametrize(
    ("body", "is_cut_off"),
    [
        pytest.param(with_conditions({"type": "Ready", "status": "True"}), False, id="it is ready"),
        pytest.param(with_conditions({"type": "Ready", "status": "False"}), True, id="only the cluster says it is not"),
        pytest.param(with_conditions(reason="NodeLost"), True, id="it is called lost"),
        pytest.param(
            with_conditions({"type": "Ready", "status": "False"}, containerStatuses=[]), False, id="it has not started"
        ),
    ],
)
def test_whether_its_node_is_heard_of(body: Json, is_cut_off: bool) -> None:
    assert read_pod(body).is_cut_off is is_cut_off


def unscheduled(message: str) -> Json:
    return a_body({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": message}]})


def waiting(reason: str, message: str = "") -> Json:
    return with_container({"waiting": {"reason": reason, "message": message}})


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (
            unscheduled("0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu."),
            "Unschedulable",
            "not enough cpu, nvidia.com/gpu",
        ),
        (unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint"), "Unschedulable", "untolerated taint"),
        (unscheduled('persistentvolumeclaim "shared" not found'), "ClaimNotFound", "shared"),
        (unscheduled("pod has unbound immediate PersistentVolumeClaims"), "ClaimPending", "unbound"),
        (waiting("ErrImagePull", "not found"), "ImagePull", "cannot pull example/trial:1: not found"),
        (
            waiting("ImagePullBackOff", 'Back-off pulling image "example/trial:1": ErrImagePull: not found'),
            "ImagePull",
            "cannot pull example/trial:1: not found",
        ),
        (waiting("InvalidImageName"), "ImagePull", "InvalidImageName"),
        (waiting("CreateContainerConfigError", 'secret "s3" not found'), "SecretNotFound", "s3"),
        (waiting("CreateContainerConfigError", 'configmap "env" not found'), "ConfigMapNotFound", "env"),
        (waiting("CreateContainerConfigError", "couldn't find key x"), "CreateContainerConfig", "key x"),
        (waiting("CreateContainerError", "no such device"), "ContainerCreation", "no such device"),
    ],
)
def test_why_it_does_not_come_up(body: Json, reason: str, words: str) -> None:
    trouble = read_pod(body).trouble
    assert trouble is not None
    assert (trouble.reason, words in trouble.message) == (reason, True)


@pytest.mark.parametrize(
    "body", [waiting("ContainerCreating"), waiting("PodInitializing"), a_body({"phase": "Pending"})]
)
def test_a_pod_that_is_just_being_made_has_no_trouble(body: Json) -> None:
    assert read_pod(body).trouble is None


def a_warning(reason: str, message: str, time: str = STARTED) -> Json:
    return {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": time}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], None),
        ([{"type": "Normal", "reason": "Pulled", "message": "x"}], None),
        ([a_warning("FailedMount", 'secret "tls" not found')], "SecretNotFound"),
        ([a_warning("FailedMount", "timed out")], "VolumeMount"),
        ([a_warning("FailedCreatePodSandBox", "no network")], "ContainerCreation"),
        ([a_warning("FailedScheduling", "Insufficient cpu")], None),
        ([a_warning("FailedMount", "old"), a_warning("Other", "new", "2026-11-21T12:00:09Z")], "ContainerCreation"),
    ],
)
def test_what_events_tell(events: list[Json], reason: str | None) -> None:
    trouble = trouble_from_events(a_driver(PodState.PENDING), events)
    assert (trouble.reason if trouble else None) == reason


@given(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text(), max_size=2)))
def test_any_label_is_a_number_or_zero(text: object) -> None:
    assert 0 <= as_number(text) < 10**9
