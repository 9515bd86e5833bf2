"""The command line on a real API server: what it reads, what it changes, and what it says to whoever may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from luthier.cli.main import app
from support.apiserver import Experiments, Kubectl
from support.bad_manifests import a_manifest

pytestmark = pytest.mark.apiserver
Call = Callable[..., str]
DONE = {"type": "Succeeded", "status": "True", "reason": "TrialsDone", "message": "16 trials ended"}


def caller(kubeconfig: Path) -> Call:
    def call(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(
            app, [*map(str, arguments)], env={"KUBECONFIG": str(kubeconfig), "COLUMNS": "200", "LUTHIER_DEBUG": ""}
        )
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    return call


@pytest.fixture
def luthier(api_server: Path) -> Call:
    """The command line of somebody who may do everything."""
    return caller(api_server)


@pytest.fixture
def name(experiments: Experiments, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"e{abs(hash(request.node.name)) % 10**9}"
    experiments.create(a_manifest(name))
    yield name
    experiments.delete(name)


@pytest.fixture(scope="module")
def stranger(api_server: Path, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    """The command line of somebody who may look at experiments, and at nothing else."""
    kubectl("create", "serviceaccount", "onlooker")
    rights = ("--verb=get,list,watch", "--resource=tuningexperiments.luthier.dev")
    kubectl("create", "role", "onlooker", *rights)
    kubectl("create", "rolebinding", "onlooker", "--role=onlooker", "--serviceaccount=default:onlooker")
    yaml = YAML(typ="safe", pure=True)
    config = yaml.load(api_server)
    config["users"][0]["user"] = {"token": kubectl("create", "token", "onlooker").strip()}
    path = tmp_path_factory.mktemp("stranger") / "kubeconfig"
    yaml.dump(config, path)
    yield caller(path)
    for kind in ("rolebinding", "role", "serviceaccount"):
        kubectl("delete", kind, "onlooker")


def ended(experiments: Experiments, name: str) -> None:
    experiments.patch_status(
        name,
        {
            "conditions": [DONE | {"lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "attempt": 1, "done": "16/16", "bestValue": "0.98",
        },
    )  # fmt: skip


def test_experiments_are_listed_with_what_kubectl_says_of_them(
    luthier: Call, experiments: Experiments, name: str
) -> None:
    ended(experiments, name)
    lines = luthier("get").splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    assert "NAME" in lines[0]
    assert line.split()[:4] == [name, "Succeeded", "16/16", "0.98"]
    assert name in luthier("get", "-A")
    assert json.loads(luthier("get", name, "-o", "json"))["status"]["done"] == "16/16"
    assert luthier("get", "-n", "kube-system") == "There are no experiments in namespace kube-system.\n"


def test_a_suspension_and_its_end_are_what_the_spec_says(luthier: Call, experiments: Experiments, name: str) -> None:
    assert "go on: luthier resume" in luthier("suspend", name)
    assert experiments.get(name)["spec"]["suspend"] is True
    assert "is suspended already" in luthier("suspend", name)
    assert "goes on" in luthier("resume", name)
    assert experiments.get(name)["spec"]["suspend"] is False


def test_a_stop_ends_also_what_is_suspended_and_an_extension_takes_it_back(
    luthier: Call, experiments: Experiments, name: str
) -> None:
    luthier("suspend", name)
    luthier("stop", name)
    spec = experiments.get(name)["spec"]
    assert (spec["suspend"], spec["budget"]["stop"], spec["budget"]["trials"]) == (False, True, 16)
    assert "trials 24" in luthier("extend", name, "--trials", "+8")
    budget = experiments.get(name)["spec"]["budget"]
    assert (budget["stop"], budget["trials"], budget["parallelTrials"]) == (False, 24, 2)


def test_an_ended_experiment_is_extended_and_neither_stopped_nor_suspended(
    luthier: Call, experiments: Experiments, name: str
) -> None:
    ended(experiments, name)
    for command in ("stop", "suspend", "resume"):
        assert "has ended" in luthier(command, name, code=2)
    assert "It goes on from its end" in luthier("extend", name, "--trials", "20", "--iterations", "+1")
    budget = experiments.get(name)["spec"]["budget"]
    assert (budget["trials"], budget["iterationsPerTrial"]) == (20, 10)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param((), "Nothing is to be raised", id="nothing"),
        pytest.param(("--trials", "16"), "budget.trials is 16 already", id="as many"),
        pytest.param(("--trials", "+0"), "budget.trials is 16 already", id="no more"),
        pytest.param(("--trials", "many"), "budget.trials: 'many' is no whole number", id="no number"),
        pytest.param(("--gpu-hours", "+1"), "budget.gpuHours has no limit", id="no limit"),
        pytest.param(("--trials", "1000000"), "spec.budget.trials", id="more than the definition allows"),
    ],
)
def test_a_budget_that_can_not_be_raised_like_that_is_said(
    luthier: Call, experiments: Experiments, name: str, asked: tuple[str, ...], said: str
) -> None:
    assert said in luthier("extend", name, *asked, code=2)
    assert experiments.get(name)["spec"]["budget"]["trials"] == 16


@pytest.mark.parametrize("command", [("suspend",), ("stop",), ("extend", "--trials", "+1")], ids=lambda c: c[0])
def test_who_may_only_look_is_told_which_right_he_lacks(stranger: Call, name: str, command: tuple[str, ...]) -> None:
    assert "Ask for the right to patch tuningexperiments" in stranger(command[0], name, *command[1:], code=2)


def test_who_may_not_list_all_namespaces_is_told(stranger: Call, name: str) -> None:
    assert name in stranger("get")
    assert "Ask for the right to list tuningexperiments" in stranger("get", "-A", code=2)


@pytest.mark.parametrize("command", ["get", "suspend", "resume", "stop", "extend"])
def test_an_experiment_that_is_not_there_is_said(luthier: Call, command: str) -> None:
    assert "There is no TuningExperiment nobody" in luthier(command, "nobody", code=2)


def test_a_stall_is_explained_with_events_and_to_who_may_see_no_events_without(
    luthier: Call, stranger: Call, experiments: Experiments, kubectl: Kubectl, name: str
) -> None:
    condition = {"type": "Stalled", "status": "True", "reason": "QuotaExceeded", "message": "quota q is full"}
    experiments.patch_status(name, {"conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]})
    uid = experiments.get(name)["metadata"]["uid"]
    about = {"kind": "TuningExperiment", "name": name, "namespace": "default", "uid": uid}
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name}.1"}, "involvedObject": about,
        "type": "Warning", "reason": "Stalled", "message": "pods can't be made",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    kubectl("apply", "--filename", "-", stdin=event)
    text = luthier("explain", name)
    for line in (
        f"{name} is Stalled",
        "QuotaExceeded: quota q is full",
        "Raise the ResourceQuota",
        "pods can't be made",
    ):
        assert line in text
    assert json.loads(luthier("explain", name, "-o", "json"))["events"][0]["what"] == "Stalled"
    assert "pods can't be made" not in (text := stranger("explain", name))
    assert "Raise the ResourceQuota" in text


def test_a_plan_asks_quotas_and_nodes_and_says_what_does_not_fit(
    luthier: Call, stranger: Call, kubectl: Kubectl, tmp_path: Path
) -> None:
    manifest = a_manifest("planned")
    manifest["spec"]["trial"]["resources"] = {"cpu": 4, "gpu": 1}
    file = tmp_path / "experiment.yaml"
    file.write_text(json.dumps(manifest))
    assert "nodes is large enough" in luthier("plan", file, code=1)

    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "large"}}
    has = {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "8", "pods": "110"}
    kubectl("apply", "--filename", "-", stdin=node)
    kubectl("patch", "node", "large", "--subresource=status", "--patch", json.dumps({"status": {"allocatable": has}}))
    try:
        assert "can hold a worker (4 cores, 1 GPU); empty, they hold 2." in luthier("plan", file)
        kubectl("create", "quota", "tight", "--hard=requests.nvidia.com/gpu=1", "--namespace=default")
        assert "quota tight: 2 of requests.nvidia.com/gpu are needed" in luthier("plan", file, code=1)
        assert "You may not see the nodes." in stranger("plan", file)
        assert "quota tight" not in luthier("plan", file, "-n", "kube-system")
    finally:
        kubectl("delete", "node", "large")
        kubectl("delete", "quota", "tight", "--ignore-not-found", "--namespace=default")


def test_the_ledger_is_read_by_who_may_read_the_token_and_asked_for_in_vain_before_the_start(
    luthier: Call, stranger: Call, experiments: Experiments, name: str
) -> None:
    for command in (("trials", name), ("best", name)):
        assert "luthier explain" in luthier(*command, code=2) or "Wait for the first" in luthier(*command, code=2)
    experiments.patch_status(name, {"attempt": 1})
    assert "Ask for the right to get the Secret" in stranger("trials", name, code=2)
    assert "secrets" in luthier("trials", name, code=2), "nobody has made it"
    assert f"{name} has no pods" in luthier("logs", name, code=2)
    assert "Ask for the right to list pods" in stranger("logs", name, code=2)


def test_the_role_edit_has_every_right_that_reading_takes(kubectl: Kubectl) -> None:
    kubectl("create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor")
    needed = ["get secrets", "list pods", "create pods/portforward", "create pods", "delete pods", "get pods/log"]
    try:
        for right in [*needed, "list events"]:
            assert kubectl("auth", "can-i", *right.split(), "--as=editor").strip() == "yes", right
    finally:
        kubectl("delete", "rolebinding", "editor")
