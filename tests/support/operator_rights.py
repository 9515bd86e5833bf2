"""An operator with no more rights than it needs, in one namespace or in all, and what it made of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from luthier.api import keys
from support.operator_world import CORE, Rest

Json = dict[str, Any]
NAME = "luthier-operator"
RIGHTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (keys.GROUP, keys.PLURAL, ("list", "watch", "delete")),
    (keys.GROUP, f"{keys.PLURAL}/status", ("patch",)),
    ("", "pods", ("get", "list", "watch", "create", "delete")),
    ("", "secrets", ("get", "create")),
    ("", "services", ("get", "create")),
    ("", "persistentvolumeclaims", ("get", "create")),
    ("", "configmaps", ("get",)),
    ("", "events", ("create", "list")),
    ("networking.k8s.io", "networkpolicies", ("get", "create")),
)
"""API group, resource and verbs: all that the operator needs in a namespace that it serves."""
LEASE = "luthier-operator"
LEASE_RIGHTS: tuple[tuple[bool, tuple[str, ...]], ...] = ((True, ("get", "update")), (False, ("create",)))
"""On Leases of its own namespace: whether only on the one with its name, and verbs. Creation knows no names."""


Call = tuple[str, str, str]
"""API group, resource with its subresource, verb."""


def granted_calls() -> set[Call]:
    """Return every call that these rights allow."""
    calls = {(group, resource, verb) for group, resource, verbs in RIGHTS for verb in verbs}
    return calls | {("coordination.k8s.io", "leases", verb) for _, verbs in LEASE_RIGHTS for verb in verbs}


def calls_made(audit_log: Path, namespace: str) -> set[Call]:
    """Return every call on a resource that the operator of a namespace made, as the API server wrote them down."""
    user = f"system:serviceaccount:{namespace}:{NAME}"
    records = [json.loads(line) for line in audit_log.read_text().splitlines() if user in line]
    return {
        (of.get("apiGroup", ""), "/".join(filter(None, (of["resource"], of.get("subresource")))), record["verb"])
        for record in records
        if record["user"]["username"] == user and "resource" in (of := record.get("objectRef") or {})
    }


def kubeconfig_of_a_service_account(rest: Rest, namespace: str, path: Path, *, cluster_wide: bool = False) -> Path:
    """Make a service account with these rights, in its namespace or in all, and write a kubeconfig with its token."""
    rest("POST", f"{CORE}/{namespace}/serviceaccounts", {"metadata": {"name": NAME}})
    rules = [{"apiGroups": [g], "resources": [r], "verbs": list(verbs)} for g, r, verbs in RIGHTS]
    _bind(rest, namespace, NAME, rules, cluster_wide=cluster_wide)
    leases = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": v} for _, v in LEASE_RIGHTS]
    named = [{"resourceNames": [LEASE]} if only_its_own else {} for only_its_own, _ in LEASE_RIGHTS]
    _bind(rest, namespace, f"{NAME}-leads", [rule | more for rule, more in zip(leases, named, strict=True)])
    granted = rest("POST", f"{CORE}/{namespace}/serviceaccounts/{NAME}/token", {"spec": {}})
    authority = base64.b64encode(rest.authority).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": rest.server, "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": {"token": granted["status"]["token"]}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(config, file)
    return path


def _bind(rest: Rest, namespace: str, name: str, rules: list[Json], *, cluster_wide: bool = False) -> None:
    """Give the operator's service account rules of its own: a Role, or a ClusterRole whose name no other has."""
    group, kind = "/apis/rbac.authorization.k8s.io/v1", "ClusterRole" if cluster_wide else "Role"
    place = group if cluster_wide else f"{group}/namespaces/{namespace}"
    name = f"{name}-{namespace}"
    rest("POST", f"{place}/{kind.lower()}s", {"metadata": {"name": name}, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    }
    rest("POST", f"{place}/{kind.lower()}bindings", binding)
