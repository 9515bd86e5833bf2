"""An operator with no more rights than it needs, in one namespace."""

from __future__ import annotations

import base64
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
)
"""API group, resource and verbs: all that the operator needs in a namespace that it serves."""


def kubeconfig_of_a_service_account(rest: Rest, namespace: str, path: Path) -> Path:
    """Make a service account with these rights and write a kubeconfig with its token."""
    group = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [g], "resources": [r], "verbs": list(verbs)} for g, r, verbs in RIGHTS]
    rest("POST", f"{CORE}/{namespace}/serviceaccounts", {"metadata": {"name": NAME}})
    rest("POST", f"{group}/roles", {"metadata": {"name": NAME}, "rules": rules})
    binding = {
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    }
    rest("POST", f"{group}/rolebindings", binding)
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
