"""What a real API server says of the chart: objects, rights, pod security, and the life of a release."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chart.rendering import CHART, NAMESPACE, Helm, Rendered
from chart.server import CommandError, Server, real_server

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

OPERATOR = f"system:serviceaccount:{NAMESPACE}:tuning-luthier"
TEAMS = ("team-a", "team-b", "team-c")


@pytest.fixture(scope="module")
def server(helm: Helm) -> Iterator[Server]:
    with real_server(helm.program.parent) as started:
        for namespace in (NAMESPACE, *TEAMS):
            started.create_namespace(namespace)
        yield started


@pytest.fixture(scope="module")
def installed(server: Server) -> Server:
    """The server with the chart in cluster mode."""
    server.install()
    return server


@pytest.mark.parametrize("mode", ["defaults", "namespaced"])
def test_the_server_takes_every_object(mode: str, server: Server, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(mode)
    bodies = {"apiVersion": "v1", "kind": "List", "items": rendered.objects}
    answer = server.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "--filename", "-", stdin=json.dumps(bodies)
    )
    assert answer.count("server dry run") == len(rendered.objects)


def test_the_pod_is_let_into_a_restricted_namespace(defaults: Rendered, server: Server) -> None:
    server.create_namespace("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator", "namespace": "restricted"},
        "spec": {**defaults.pod, "serviceAccountName": "default"},
    }
    assert "created" in server.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    del pod["spec"]["containers"][0]["securityContext"]  # type: ignore[index]
    with pytest.raises(CommandError, match="violates PodSecurity"):
        server.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))


def test_the_server_takes_the_first_experiment_of_the_notes(installed: Server) -> None:
    installed.kubectl("wait", "--for=condition=Established", "crd/tuningexperiments.luthier.dev", "--timeout=10s")
    first = str(CHART / "files" / "first-experiment.yaml")
    assert "created" in installed.kubectl("apply", "--dry-run=server", "--filename", first)


@pytest.mark.parametrize(
    ("verb", "resource", "subresource"),
    [
        ("watch", "tuningexperiments", ""),
        ("delete", "tuningexperiments", ""),
        ("patch", "tuningexperiments", "status"),
        ("create", "pods", ""),
        ("delete", "pods", ""),
        ("create", "services", ""),
        ("create", "persistentvolumeclaims", ""),
        ("get", "secrets", ""),
        ("get", "configmaps", ""),
        ("create", "events", ""),
        ("list", "events", ""),
    ],
)
def test_the_operator_may_do_its_work(installed: Server, verb: str, resource: str, subresource: str) -> None:
    assert installed.may(OPERATOR, verb, resource, "team-a", subresource)


@pytest.mark.parametrize(
    ("verb", "resource", "subresource"),
    [
        ("list", "secrets", ""),
        ("watch", "secrets", ""),
        ("list", "configmaps", ""),
        ("update", "tuningexperiments", ""),
        ("create", "pods", "exec"),
        ("get", "pods", "log"),
        ("create", "deployments.apps", ""),
        ("create", "rolebindings.rbac.authorization.k8s.io", ""),
        ("list", "nodes", ""),
        ("list", "namespaces", ""),
    ],
)
def test_the_operator_may_not_do_more(installed: Server, verb: str, resource: str, subresource: str) -> None:
    assert not installed.may(OPERATOR, verb, resource, "team-a", subresource)


@pytest.mark.parametrize(
    ("role", "may_read", "may_write"), [("view", True, False), ("edit", True, True), ("admin", True, True)]
)
def test_the_clusters_own_roles_hold_experiments(installed: Server, role: str, may_read: bool, may_write: bool) -> None:
    installed.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "--namespace=team-b")
    assert installed.may(role, "list", "tuningexperiments", "team-b") is may_read
    assert installed.may(role, "create", "tuningexperiments", "team-b") is may_write
    assert not installed.may(role, "patch", "tuningexperiments", "team-b", "status")
    assert not installed.may(role, "list", "tuningexperiments", "team-c")


def test_a_release_is_upgraded_moved_to_namespaces_and_removed_without_losing_experiments(server: Server) -> None:
    server.install()
    server.kubectl("wait", "--for=condition=Established", "crd/tuningexperiments.luthier.dev", "--timeout=10s")
    first = str(CHART / "files" / "first-experiment.yaml")
    server.kubectl("create", "--namespace=team-a", "--filename", first)

    server.install("watchNamespaces={team-a,team-b}")
    assert server.may(OPERATOR, "create", "pods", "team-a")
    assert not server.may(OPERATOR, "create", "pods", "team-c")
    assert not server.may(OPERATOR, "list", "tuningexperiments", "team-c")

    assert "tuningexperiments.luthier.dev" in server.uninstall()
    assert "first" in server.kubectl("get", "tuningexperiments", "--namespace=team-a", "--output=name")

    server.install()
    assert "first" in server.kubectl("get", "tuningexperiments", "--namespace=team-a", "--output=name")
