"""How a user's pod template and Luthier's own pod become one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from luthier.api import keys
from luthier.operator.manifests.template import merge_template, problems
from luthier.operator.manifests.worker import worker_pod
from luthier.operator.settings import Settings
from support.operator_builders import IDENTITY, an_experiment

Json = dict[str, Any]


def a_worker_with(template: Json) -> Json:
    spec = an_experiment(workers={"template": template}).spec
    return worker_pod(IDENTITY, spec, 1, 0, Settings())


def the_container(pod: Json) -> Json:
    return next(c for c in pod["spec"]["containers"] if c["name"] == keys.CONTAINER)


def with_container(**fields: Any) -> Json:
    return {"spec": {"containers": [{"name": keys.CONTAINER, **fields}]}}


def test_fields_of_the_pod_are_added() -> None:
    pod = a_worker_with({"spec": {"nodeSelector": {"gpu": "h200"}, "priorityClassName": "low"}})
    assert (pod["spec"]["nodeSelector"], pod["spec"]["priorityClassName"]) == ({"gpu": "h200"}, "low")


def test_resources_merge_deep() -> None:
    pod = a_worker_with(with_container(resources={"requests": {"memory": "4Gi"}}))
    assert the_container(pod)["resources"]["requests"] == {"cpu": "1", "memory": "4Gi"}


def test_a_variable_is_added_and_a_default_replaced() -> None:
    pod = a_worker_with(with_container(env=[{"name": "DATA", "value": "/data"}, {"name": "HOME", "value": "/tmp"}]))
    env = {item["name"]: item.get("value") for item in the_container(pod)["env"]}
    assert (env["DATA"], env["HOME"]) == ("/data", "/tmp")


@pytest.mark.parametrize("name", [keys.ENV_HEAD, keys.ENV_SLOTS, "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"])
def test_what_finds_and_guards_the_head_cannot_be_replaced(name: str) -> None:
    plain = {item["name"]: item for item in the_container(a_worker_with({}))["env"]}
    pod = a_worker_with(with_container(env=[{"name": name, "value": "mine"}]))
    assert {item["name"]: item for item in the_container(pod)["env"]} == plain


@pytest.mark.parametrize("field", [{"command": ["sh"]}, {"args": ["-c", "ls"]}])
def test_the_command_stays(field: Json) -> None:
    container = the_container(a_worker_with(with_container(**field)))
    assert (container["command"], container.get("args")) == (["python", "-m", "luthier.trial.worker"], None)


def test_containers_and_volumes_are_added() -> None:
    pod = a_worker_with(
        {
            "spec": {
                "containers": [
                    {"name": "exporter", "image": "x"},
                    {"name": keys.CONTAINER, "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                ],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            }
        }
    )
    assert [c["name"] for c in pod["spec"]["containers"]] == [keys.CONTAINER, "exporter"]
    assert pod["spec"]["volumes"][-1] == {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    assert the_container(pod)["volumeMounts"][-1] == {"name": "data", "mountPath": "/data"}


def test_a_scratch_volume_may_be_replaced_and_the_storage_may_not() -> None:
    theirs = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "storage", "hostPath": {"path": "/"}}]
    volumes = {v["name"]: v for v in a_worker_with({"spec": {"volumes": theirs}})["spec"]["volumes"]}
    assert volumes["tmp"] == theirs[0]
    assert volumes["storage"] == {"name": "storage", "persistentVolumeClaim": {"claimName": "digits-12345"}}


def test_labels_are_added_but_ours_win() -> None:
    template = {"metadata": {"labels": {"team": "a", keys.LABEL_UID: "forged"}, "annotations": {"note": "x"}}}
    metadata = a_worker_with(template)["metadata"]
    assert (metadata["labels"]["team"], metadata["labels"][keys.LABEL_UID]) == ("a", IDENTITY.uid)
    assert metadata["annotations"] == {"note": "x"}


def test_only_an_explicit_template_loosens_the_security_context() -> None:
    container = the_container(a_worker_with(with_container(securityContext={"readOnlyRootFilesystem": False})))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_never_restarts_its_containers() -> None:
    assert a_worker_with({"spec": {"restartPolicy": "Always"}})["spec"]["restartPolicy"] == "Never"


def test_merging_changes_neither_side() -> None:
    pod, template = a_worker_with({}), with_container(env=[{"name": "A", "value": "1"}])
    before = copy.deepcopy((pod, template))
    merge_template(pod, template)
    assert (pod, template) == before


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({"spec": []}, None),
        ({"spec": "x"}, "t: `metadata` and `spec` must be objects"),
        ({"spec": {"containers": "x"}}, "t.spec.containers: must be a list of objects"),
        ({"spec": {"containers": [{"image": "x"}]}}, "t.spec.containers: each needs `name`"),
        ({"spec": {"volumes": [1]}}, "t.spec.volumes: must be a list of objects"),
        ({"metadata": {"labels": {"a": 1}}}, "t.metadata.labels: must map names to strings"),
        (with_container(env=[{"value": "x"}]), "t.spec.containers.trial.env: each needs `name`"),
        (with_container(env={"A": "x"}), "t.spec.containers.trial.env: must be a list of objects"),
        (with_container(ports=[{"containerPort": 80}]), None),
    ],
)
def test_a_template_that_cannot_be_merged_is_named(template: Json, problem: str | None) -> None:
    assert problems(template, "t") == ([problem] if problem else [])
