"""Child objects, compared with files that a reader can read. `UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from luthier.api import keys
from luthier.api.manifest import parse
from luthier.operator.manifests import quantity
from luthier.operator.manifests.driver import driver_pod, spec_annotation
from luthier.operator.manifests.event import event
from luthier.operator.manifests.surroundings import network_policy, service, storage_claim, token_secret
from luthier.operator.manifests.worker import worker_pod
from luthier.operator.settings import Settings
from support.operator_builders import IDENTITY, NOW, an_experiment

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = Settings(trial_image="example/trial:1")

Json = dict[str, Any]


def the_driver(attempt: int = 1, restarts: int = 0, **spec: Any) -> Json:
    return driver_pod(IDENTITY, an_experiment(**spec), attempt, restarts, SETTINGS)


def a_worker_pod(index: int = 0, **spec: Any) -> Json:
    return worker_pod(IDENTITY, an_experiment(**spec).spec, 1, index, SETTINGS)


SOURCE = {
    "function": "train:train",
    "source": {"configMap": "code"},
    "resources": {"cpu": 1.5, "gpu": 0.5, "memory": "1.5Gi"},
}

CASES: dict[str, Json] = {
    "secret": token_secret(IDENTITY, "ray-token", "progress-token", "example/trial:1"),
    "networkpolicy": network_policy(IDENTITY, [{"podSelector": {"matchLabels": {"app": "operator"}}}]),
    "service": service(IDENTITY),
    "claim": storage_claim(IDENTITY, an_experiment(storage={"size": "5Gi", "storageClassName": "fast"}).spec.storage),
    "driver": the_driver(),
    "driver-with-trials": the_driver(2, 1, workers={"max": 0}, trial=SOURCE, storage={"claimName": "shared"}),
    "worker": a_worker_pod(),
    "worker-with-gpus": a_worker_pod(1, trial=SOURCE, workers={"trialsPerWorker": 3}),
    "event": event(IDENTITY, "Started", "2 trials run", warning=False, time=NOW),
}


@pytest.mark.parametrize("name", CASES)
def test_a_child_is_as_its_file_says(name: str) -> None:
    path, yaml = GOLDEN / f"{name}.yaml", YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    if os.environ.get("UPDATE_GOLDEN"):
        with path.open("w") as file:
            yaml.dump(CASES[name], file)
    assert CASES[name] == yaml.load(path.read_text())


PODS = [the_driver(), the_driver(trial=SOURCE), a_worker_pod(), a_worker_pod(trial=SOURCE)]


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_meets_the_restricted_standard(pod: Json) -> None:
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"persistentVolumeClaim", "secret", "emptyDir", "configMap", "downwardAPI"}


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_ends_with_its_experiment(pod: Json) -> None:
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (IDENTITY.uid, True, True)


def test_a_worker_never_sees_the_progress_token() -> None:
    (token,) = [volume for volume in a_worker_pod()["spec"]["volumes"] if volume["name"] == "token"]
    assert [item["key"] for item in token["secret"]["items"]] == [keys.RAY_TOKEN_KEY]


def test_no_token_stands_in_a_pods_environment() -> None:
    for pod in PODS:
        for variable in pod["spec"]["containers"][0]["env"]:
            assert "value" in variable or set(variable["valueFrom"]) == {"fieldRef"}
            assert variable["name"] != "RAY_AUTH_TOKEN"


@pytest.mark.parametrize(("granted", "told"), [(None, "30"), (600, "600"), ("no number", "30")])
def test_a_worker_is_told_how_long_its_grace_is(granted: Any, told: str) -> None:
    template = {"spec": {} if granted is None else {"terminationGracePeriodSeconds": granted}}
    (container,) = a_worker_pod(workers={"template": template})["spec"]["containers"]
    assert {"name": keys.ENV_GRACE, "value": told} in container["env"]


def test_the_driver_reads_the_experiment_without_the_pod_templates() -> None:
    template = {"spec": {"nodeSelector": {"gpu": "yes"}}}
    experiment = an_experiment(workers={"max": 3, "template": template}, driver={"template": template})
    written = json.loads(spec_annotation(IDENTITY, experiment))
    assert "nodeSelector" not in json.dumps(written)
    read = parse(written)
    assert (read.metadata.uid, read.spec.workers.max) == (IDENTITY.uid, 3)
    assert read.spec.parameters == experiment.spec.parameters


def test_a_worker_joins_the_head_of_its_own_attempt_only() -> None:
    pod = the_driver(attempt=7)
    worker = worker_pod(IDENTITY, an_experiment().spec, 7, 0, SETTINGS)
    (head,) = [v["value"] for v in worker["spec"]["containers"][0]["env"] if v["name"] == keys.ENV_HEAD]
    assert head == f"{pod['spec']['hostname']}.{pod['spec']['subdomain']}.team-a.svc:6379"


@pytest.mark.parametrize(("cpu", "text"), [(1, "1"), (1.5, "1500m"), (0.1, "100m"), (0.3 * 3, "900m"), (16.0, "16")])
def test_cores_are_written_as_kubernetes_writes_them(cpu: float, text: str) -> None:
    assert quantity.cores(cpu) == text


@pytest.mark.parametrize(
    ("text", "count", "product"), [("1.5Gi", 2, "3Gi"), ("100m", 3, "300m"), ("10", 10, "100"), ("0.3Gi", 3, "0.9Gi")]
)
def test_a_quantity_is_multiplied_without_rounding(text: str, count: int, product: str) -> None:
    assert quantity.times(text, count) == product


def test_three_thirds_of_a_gpu_are_one() -> None:
    assert [quantity.whole(value) for value in (1 / 3 * 3, 0.5, 1.01, 0)] == [1, 1, 2, 0]


def test_the_longest_name_still_makes_valid_children() -> None:
    identity = IDENTITY.__class__("x" * 40, "team-a", IDENTITY.uid)
    pod = driver_pod(identity, an_experiment(), 12345, 0, SETTINGS)
    assert len(pod["metadata"]["name"]) <= 63
    assert len(service(identity)["metadata"]["name"]) <= 63


@pytest.mark.parametrize(
    ("metrics", "label"), [({}, "Summary"), ({"metrics": "Full"}, "Full"), ({"metrics": "None"}, None)], ids=str
)
def test_a_driver_is_labelled_for_prometheus_by_what_it_shows(metrics: Json, label: str | None) -> None:
    assert the_driver(driver=metrics)["metadata"]["labels"].get(keys.LABEL_METRICS) == label
