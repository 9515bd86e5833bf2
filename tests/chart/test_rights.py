"""What the operator may do, and where: no more than it needs, and nothing over the cluster when it is told so."""

from __future__ import annotations

import pytest

from chart.rendering import NAMESPACE, Helm, Rendered
from luthier.api import keys
from support.operator_rights import LEASE_RIGHTS, RIGHTS

pytestmark = pytest.mark.chart

NAME = "tuning-luthier"
CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_secrets_are_read_by_name_and_never_listed(mode: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(mode)
    assert rendered.verbs("secrets") == {"get", "create"}


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_the_chart_gives_what_the_operator_lives_on_and_nothing_else(mode: str, request: pytest.FixtureRequest) -> None:
    """A whole life with exactly these rights is in tests/apiserver/test_operator_rights.py."""
    rendered: Rendered = request.getfixturevalue(mode)
    where_references_are_guarded = (keys.GROUP, f"{keys.PLURAL}/finalizers", ("update",))
    leases = ("coordination.k8s.io", "leases", tuple(verb for _, verbs in LEASE_RIGHTS for verb in verbs))
    for _, resource, verbs in (*RIGHTS, where_references_are_guarded, leases):
        assert rendered.verbs(resource) == set(verbs), resource
    named = {resource for rule in rendered.rules() for resource in rule["resources"]}
    assert named == {resource for _, resource, _ in (*RIGHTS, where_references_are_guarded, leases)}


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_leases_are_read_and_written_by_name_and_in_its_own_namespace(
    mode: str, request: pytest.FixtureRequest
) -> None:
    rendered: Rendered = request.getfixturevalue(mode)
    rules = [(role, rule) for role in rendered.all("Role") + rendered.all("ClusterRole") for rule in role["rules"]]
    leases = [(role, rule) for role, rule in rules if "leases" in rule["resources"]]
    assert {role["metadata"].get("namespace") for role, _ in leases} == {NAMESPACE}
    lease = rendered.environment["LUTHIER_LEASE_NAME"]
    assert [(rule.get("resourceNames"), tuple(rule["verbs"])) for _, rule in leases] == [
        ([lease] if only_its_own else None, verbs) for only_its_own, verbs in LEASE_RIGHTS
    ]


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_no_rule_is_a_wildcard(mode: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(mode)
    for rule in rendered.rules():
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]


def test_the_operator_never_rewrites_what_a_user_wrote(defaults: Rendered) -> None:
    assert defaults.verbs("tuningexperiments").isdisjoint({"create", "update", "deletecollection"})


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_it_can_neither_run_commands_in_pods_nor_give_itself_rights(mode: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(mode)
    named = {resource for rule in rendered.rules() for resource in rule["resources"]}
    assert named.isdisjoint({"pods/exec", "pods/attach", "serviceaccounts", "serviceaccounts/token"})
    assert not any(resource.endswith(("roles", "rolebindings")) for resource in named)


def test_a_namespaced_installation_holds_nothing_cluster_scoped(namespaced: Rendered) -> None:
    assert namespaced.kinds().isdisjoint(CLUSTER_SCOPED)


def test_a_namespaced_installation_has_a_role_in_each_namespace_and_one_for_its_lease(namespaced: Rendered) -> None:
    for kind in ("Role", "RoleBinding"):
        assert [found["metadata"]["namespace"] for found in namespaced.all(kind)] == ["team-a", "team-b", NAMESPACE]


def test_a_namespaced_operator_has_the_same_rights_in_each_namespace(defaults: Rendered, namespaced: Rendered) -> None:
    (everywhere,) = (role["rules"] for role in defaults.all("ClusterRole") if role["metadata"]["name"] == NAME)
    assert [role["rules"] for role in namespaced.all("Role")][:2] == [everywhere, everywhere]


def test_the_operator_reads_only_what_lies_in_namespaces(defaults: Rendered) -> None:
    named = {resource for rule in defaults.rules() for resource in rule["resources"]}
    assert named.isdisjoint({"namespaces", "nodes", "customresourcedefinitions", "persistentvolumes"})


def test_the_operator_is_told_where_it_works(defaults: Rendered, namespaced: Rendered) -> None:
    assert defaults.environment["LUTHIER_NAMESPACES"] == ""
    assert namespaced.environment["LUTHIER_NAMESPACES"] == "team-a,team-b"


def test_viewers_and_editors_of_a_namespace_get_its_experiments(defaults: Rendered) -> None:
    verbs = {
        label.removeprefix("rbac.authorization.k8s.io/aggregate-to-"): set[str]()
        for role in defaults.all("ClusterRole")
        for label in role["metadata"]["labels"]
        if "aggregate-to" in label
    }
    for role in defaults.all("ClusterRole"):
        for group, allowed in verbs.items():
            if f"rbac.authorization.k8s.io/aggregate-to-{group}" in role["metadata"]["labels"]:
                allowed.update(verb for rule in role["rules"] for verb in rule["verbs"])
    assert verbs["view"] == {"get", "list", "watch"}
    assert verbs["edit"] - verbs["view"] == {"create", "update", "patch", "delete", "deletecollection"}
    assert verbs["admin"] == verbs["edit"] > verbs["view"]


def test_users_may_not_write_status(defaults: Rendered) -> None:
    for role in defaults.all("ClusterRole"):
        aggregated = any("aggregate-to" in label for label in role["metadata"]["labels"])
        for rule in role["rules"]:
            if aggregated and "tuningexperiments/status" in rule["resources"]:
                assert set(rule["verbs"]) == {"get", "list", "watch"}


@pytest.mark.parametrize("switch", ["create", "aggregate"])
def test_roles_can_be_left_to_somebody_else(helm: Helm, switch: str) -> None:
    rendered = helm.render(rbac={switch: False})
    assert (len(rendered.all("ClusterRole")), len(rendered.all("ClusterRoleBinding"))) == (
        (0, 0) if switch == "create" else (1, 1)
    )


def test_a_given_service_account_is_used_and_not_made(helm: Helm) -> None:
    rendered = helm.render(serviceAccount={"create": False, "name": "somebody"})
    assert rendered.all("ServiceAccount") == []
    assert rendered.pod["serviceAccountName"] == "somebody"
    assert rendered.verbs("pods") >= {"create", "delete"}
