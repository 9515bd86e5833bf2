"""Who may have an experiment, and what its templates may ask for: real users before a real API server.

Each user is impersonated by an administrator, so authorizer, admission and validation are those of production.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import NAMESPACE, ROOT, Helm, Rendered
from chart.server import CommandError, Server, real_server
from luthier.api import keys
from support.operator_builders import a_manifest
from support.operator_world import Rest, until

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

TEAM = "team-a"
COLLECTION = f"/apis/{keys.API_VERSION}/namespaces/{TEAM}/{keys.PLURAL}"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:tuning-luthier"
EXPERIMENTS = ("tuningexperiments.luthier.dev", ("get", "list", "create", "update", "patch"))
RIGHTS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "writer": (EXPERIMENTS,),
    "runner": (EXPERIMENTS, ("pods", ("create",))),
    "trainer": (EXPERIMENTS, ("pods", ("create",)), ("serviceaccounts/robot", ("use",))),
}
"""What users may do in their namespace; `editor` has the cluster's own role `edit`."""
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if (path / "kustomization.yaml").exists())


@pytest.fixture(scope="module")
def server(helm: Helm) -> Iterator[Server]:
    with real_server(helm.program.parent) as started:
        for namespace in (NAMESPACE, TEAM, "team-b"):
            started.create_namespace(namespace)
        started.install()
        started.kubectl("wait", "--for=condition=Established", "crd/tuningexperiments.luthier.dev", "--timeout=10s")
        for account in ("robot", "admin-robot"):
            started.kubectl("create", "serviceaccount", account, "--namespace", TEAM)
        for user, rights in RIGHTS.items():
            _let(started, user, rights)
        started.kubectl("create", "rolebinding", "editor", "--clusterrole=edit", "--user=editor", "--namespace", TEAM)
        until(lambda: refusal(started, "writer", an_experiment()), "the policy is in force")
        yield started


def _let(server: Server, user: str, rights: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    rules = []
    for resource, verbs in rights:
        plural, _, name = resource.partition("/")
        plural, _, group = plural.partition(".")
        rules.append({"apiGroups": [group], "resources": [plural], "verbs": verbs, **_named(name)})
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": user}, "rules": rules}
    server.kubectl("apply", "--namespace", TEAM, "--filename=-", stdin=json.dumps(role))
    server.kubectl("create", "rolebinding", user, f"--role={user}", f"--user={user}", "--namespace", TEAM)


def _named(name: str) -> dict[str, Any]:
    return {"resourceNames": [name]} if name else {}


def an_experiment(name: str = "digits", **spec: Any) -> dict[str, Any]:
    return {**a_manifest(**spec), "metadata": {"name": name, "namespace": TEAM}}


def with_pods(spec: Any, role: str = "workers") -> dict[str, Any]:
    return an_experiment(**{role: {"template": {"spec": spec}}})


def refusal(server: Server, user: str, manifest: dict[str, Any]) -> str:
    """Return the server's sentence to a user who would create this, empty where it would take it."""
    try:
        server.kubectl("create", "--dry-run=server", f"--as={user}", "--filename=-", stdin=json.dumps(manifest))
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("user", ["runner", "trainer", "editor"])
def test_who_may_create_pods_may_have_them_created(server: Server, user: str) -> None:
    assert refusal(server, user, an_experiment()) == ""


def test_who_may_not_create_pods_gets_none_by_an_experiment(server: Server) -> None:
    assert "spec: you may not create pods in namespace team-a" in refusal(server, "writer", an_experiment())


def test_rights_in_another_namespace_do_not_count(server: Server) -> None:
    server.kubectl("create", "rolebinding", "writer", "--clusterrole=edit", "--user=writer", "--namespace=team-b")
    elsewhere = {**an_experiment(), "metadata": {"name": "digits", "namespace": "team-b"}}
    until(lambda: refusal(server, "writer", elsewhere) == "", "rights in team-b")
    assert "may not create pods in namespace team-a" in refusal(server, "writer", an_experiment())


@pytest.mark.parametrize("role", ["workers", "driver"])
@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_service_account_that_the_author_may_not_use_is_refused(server: Server, role: str, field: str) -> None:
    manifest = with_pods({field: "admin-robot"}, role)
    for user in ("runner", "trainer"):
        said = refusal(server, user, manifest)
        assert f"spec.{role}.template.spec.serviceAccountName: you may not use service account admin-robot" in said


def test_the_newer_name_of_the_service_account_counts_where_both_are_set(server: Server) -> None:
    both = {"serviceAccountName": "robot", "serviceAccount": "admin-robot"}
    assert refusal(server, "trainer", with_pods(both)) == ""
    assert "admin-robot" in refusal(server, "trainer", with_pods({**both, "serviceAccountName": ""}))


@pytest.mark.parametrize(
    ("user", "account"),
    [
        pytest.param("trainer", "robot", id="the verb use on that name"),
        pytest.param("editor", "admin-robot", id="the verb impersonate, which the cluster's role edit holds"),
        pytest.param("runner", "default", id="the one that every pod gets"),
    ],
)
def test_a_service_account_that_the_author_may_use_is_taken(server: Server, user: str, account: str) -> None:
    assert refusal(server, user, with_pods({"serviceAccountName": account})) == ""


REFUSED: dict[str, tuple[Any, str]] = {
    "the network of the node": ({"hostNetwork": True}, "trials get no namespace of their node"),
    "the processes of the node": ({"hostPID": True}, "trials get no namespace of their node"),
    "the memory of the node": ({"hostIPC": True}, "trials get no namespace of their node"),
    "files of the node": (
        {"volumes": [{"name": "free", "emptyDir": {}}, {"name": "root", "hostPath": {"path": "/"}}]},
        "volumes: must not hold a hostPath",
    ),
    "a port of the node": (
        {"containers": [{"name": "trial", "ports": [{"containerPort": 80, "hostPort": 80}]}]},
        "no container may have a hostPort",
    ),
    "a privileged container": (
        {"containers": [{"name": "trial", "securityContext": {"privileged": True}}]},
        "no container may be privileged",
    ),
    "a privileged container before the others": (
        {"initContainers": [{"name": "first", "securityContext": {"privileged": True}}]},
        "no container may be privileged",
    ),
    "a privileged container beside the others": (
        {"containers": [{"name": "trial"}, {"name": "other", "securityContext": {"privileged": True}}]},
        "no container may be privileged",
    ),
    "more privileges than the parent process": (
        {"containers": [{"name": "trial", "securityContext": {"allowPrivilegeEscalation": True}}]},
        "set allowPrivilegeEscalation",
    ),
    "a capability": (
        {"containers": [{"name": "trial", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
        "no container may add capabilities",
    ),
}


@pytest.mark.parametrize("role", ["workers", "driver"])
@pytest.mark.parametrize("asked", REFUSED)
def test_no_template_reaches_into_its_node(server: Server, role: str, asked: str) -> None:
    template, sentence = REFUSED[asked]
    said = refusal(server, "editor", with_pods(template, role))
    assert f"spec.{role}.template.spec" in said
    assert sentence in said


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("all", id="text for the pod's spec"),
        pytest.param([], id="a list for the pod's spec"),
        pytest.param({"containers": {"name": "trial"}}, id="an object for the containers"),
        pytest.param({"containers": ["trial"]}, id="a name for a container"),
        pytest.param({"initContainers": [None]}, id="nothing for a container"),
        pytest.param({"volumes": "root"}, id="text for the volumes"),
        pytest.param({"serviceAccountName": ["admin-robot"]}, id="a list for the service account"),
        pytest.param({"containers": [{"name": "trial", "securityContext": "privileged"}]}, id="text for rights"),
        pytest.param({"containers": [{"name": "trial", "ports": [80]}]}, id="a number for a port"),
        pytest.param(
            {"containers": [{"name": "trial", "securityContext": {"capabilities": "ALL"}}]}, id="text for capabilities"
        ),
    ],
)
@pytest.mark.parametrize("role", ["workers", "driver"])
def test_what_cannot_be_read_is_not_let_through(server: Server, role: str, template: Any) -> None:
    said = refusal(server, "editor", with_pods(template, role))
    assert f"spec.{role}.template.spec: must be a pod's spec" in said


def test_an_ordinary_template_is_taken(server: Server) -> None:
    ordinary = {
        "nodeSelector": {"gpu": "h100"},
        "hostNetwork": False,
        "automountServiceAccountToken": True,
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "initContainers": [{"name": "fetch", "image": "fetch", "command": ["fetch"]}],
        "containers": [
            {
                "name": "trial",
                "env": [{"name": "A", "value": "1"}],
                "ports": [{"containerPort": 9000}],
                "securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    assert refusal(server, "runner", with_pods(ordinary)) == ""
    assert refusal(server, "runner", an_experiment(driver={"template": {"metadata": {"labels": {"a": "b"}}}})) == ""


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_editor_of_a_namespace_applies_every_example(server: Server, example: str) -> None:
    applied = server.kubectl(
        "apply", "--as=editor", "--namespace", TEAM, "--dry-run=server", "--kustomize", str(ROOT / "examples" / example)
    )
    assert "tuningexperiment.luthier.dev/" in applied


def test_an_update_is_judged_by_who_makes_it(server: Server) -> None:
    server.kubectl("create", "--as=runner", "--filename=-", stdin=json.dumps(an_experiment("edited")))
    edit = ["patch", "tx", "edited", "--namespace", TEAM, "--type=merge"]
    with pytest.raises(CommandError, match="you may not create pods"):
        server.kubectl(*edit, "--as=writer", "--patch", '{"spec": {"suspend": true}}')
    reach = {"spec": {"driver": {"template": {"spec": {"hostNetwork": True}}}}}
    with pytest.raises(CommandError, match="hostNetwork"):
        server.kubectl(*edit, "--as=runner", "--patch", json.dumps(reach))
    assert "patched" in server.kubectl(*edit, "--as=runner", "--patch", '{"spec": {"suspend": true}}')


def test_metadata_are_not_judged(server: Server) -> None:
    """A garbage collector, or who merely labels, needs no right to pods."""
    server.kubectl("create", "--as=runner", "--filename=-", stdin=json.dumps(an_experiment("labelled")))
    assert "labeled" in server.kubectl("label", "tx", "labelled", "--namespace", TEAM, "--as=writer", "a=b")


def test_the_operator_writes_status_as_it_could_before(server: Server) -> None:
    server.kubectl("create", "--as=runner", "--filename=-", stdin=json.dumps(an_experiment("reported")))
    operator = Rest(server.kubeconfig, user=OPERATOR)
    written = operator("PATCH", f"{COLLECTION}/reported/status", {"status": {"state": "Running"}})
    assert written["status"]["state"] == "Running"


def test_the_server_finds_no_fault_in_the_policys_expressions(server: Server) -> None:
    """It checks their types against the definition, some time after it got the policy."""
    get = ["get", "validatingadmissionpolicy", "tuning-luthier", "--output=json"]
    checked = until(lambda: json.loads(server.kubectl(*get)).get("status"), "types are checked")
    assert checked["typeChecking"].get("expressionWarnings", []) == []


def test_the_policy_refuses_what_it_cannot_judge(defaults: Rendered) -> None:
    assert defaults.one("ValidatingAdmissionPolicy")["spec"]["failurePolicy"] == "Fail"
    binding = defaults.one("ValidatingAdmissionPolicyBinding")["spec"]
    assert binding == {"policyName": "tuning-luthier", "validationActions": ["Deny"]}


def test_no_webhook_stands_anywhere(defaults: Rendered) -> None:
    assert not any("Webhook" in kind for kind in defaults.kinds())


@pytest.mark.parametrize("values", [{"admissionPolicy": {"enabled": False}}, {"crds": {"enabled": False}}])
def test_the_policy_can_be_left_out_and_the_notes_say_so(helm: Helm, values: dict[str, Any], tmp_path: Path) -> None:
    assert not any(kind.startswith("ValidatingAdmission") for kind in helm.render(**values).kinds())
    assert "No admission policy comes with this release" in helm.notes(tmp_path / "without", **values)
    assert "No admission policy" not in helm.notes(tmp_path / "with")


def test_the_policy_judges_the_definition_that_it_comes_with(defaults: Rendered) -> None:
    (rule,) = defaults.one("ValidatingAdmissionPolicy")["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == ([keys.GROUP], [keys.PLURAL])
