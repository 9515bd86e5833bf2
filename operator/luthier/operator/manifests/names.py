"""Names, labels and the owner reference that every child carries."""

from __future__ import annotations

from typing import Any, Final

from luthier.api import keys
from luthier.operator.observation import Identity

LABEL_INDEX: Final = f"{keys.GROUP}/index"
"""Which worker of its attempt a pod is; only the operator reads it."""
ANNOTATION_RESTARTS: Final = f"{keys.GROUP}/restarts"
"""How many lost drivers came before this one, so that the count survives the operator; only the operator reads it."""


def driver_name(identity: Identity, attempt: int) -> str:
    """Return the name of an attempt's driver pod."""
    return f"{identity.base}-driver-{attempt}"


def worker_name(identity: Identity, attempt: int, index: int) -> str:
    """Return the name of one of an attempt's worker pods."""
    return f"{identity.base}-worker-{attempt}-{index}"


def driver_host(attempt: int) -> str:
    """Return the stable host name of an attempt's driver below the Service."""
    return f"driver-{attempt}"


def driver_address(identity: Identity, attempt: int) -> str:
    """Return that driver's name for the other pods of its experiment."""
    return f"{driver_host(attempt)}.{identity.base}.{identity.namespace}.svc"


def labels(identity: Identity, component: str) -> dict[str, str]:
    """Return the labels of every child."""
    return {
        keys.LABEL_EXPERIMENT: identity.name,
        keys.LABEL_UID: identity.uid,
        "app.kubernetes.io/name": keys.MANAGED_BY,
        "app.kubernetes.io/instance": identity.name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": keys.MANAGED_BY,
        "app.kubernetes.io/managed-by": keys.MANAGED_BY,
    }


def metadata(identity: Identity, name: str, component: str) -> dict[str, Any]:
    """Return the metadata of a child: owned, so that the garbage collector ends it with the experiment."""
    return {
        "name": name,
        "namespace": identity.namespace,
        "labels": labels(identity, component),
        "ownerReferences": [
            {
                "apiVersion": keys.API_VERSION,
                "kind": keys.KIND,
                "name": identity.name,
                "uid": identity.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def is_owned(body: dict[str, Any], identity: Identity) -> bool:
    """Tell whether an object belongs to this very experiment."""
    return any(owner.get("uid") == identity.uid for owner in body.get("metadata", {}).get("ownerReferences") or [])
