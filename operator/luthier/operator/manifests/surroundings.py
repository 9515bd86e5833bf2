"""The objects around the pods: token Secret, NetworkPolicy, headless Service, storage claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luthier.api import keys
from luthier.api.experiment import Storage
from luthier.operator.manifests.names import metadata
from luthier.operator.observation import Identity


def token_secret(identity: Identity, ray_token: str, progress_token: str, image: str) -> dict[str, Any]:
    """Return the Secret by which driver, workers and operator know each other; it is never changed.

    Whoever reads the storage when no pod is left needs the tokens, and the image that reads it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(identity, identity.base, "token") | {"annotations": {keys.ANNOTATION_IMAGE: image}},
        "type": "Opaque",
        "immutable": True,
        "stringData": {keys.RAY_TOKEN_KEY: ray_token, keys.PROGRESS_TOKEN_KEY: progress_token},
    }


def network_policy(identity: Identity, clients: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the NetworkPolicy by which only an experiment's own pods reach its Ray.

    Tokens keep strangers from being heard there, but Ray 2.60 falls over one call before it asks for the token.
    `clients` are the NetworkPolicyPeers that may ask the driver for its progress and its metrics.
    """
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(identity, identity.base, "network"),
        "spec": {
            "podSelector": {"matchLabels": {keys.LABEL_UID: identity.uid}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {keys.LABEL_UID: identity.uid}}}]},
                {"from": list(clients), "ports": [{"port": keys.PORT_PROGRESS, "protocol": "TCP"}]},
            ],
        },
    }


def service(identity: Identity) -> dict[str, Any]:
    """Return the headless Service that gives each attempt's driver a name of its own.

    A driver pod's `hostname` makes the name, so a new attempt needs no change here and
    a worker can never join another attempt's head.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(identity, identity.base, keys.ROLE_DRIVER),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {keys.LABEL_UID: identity.uid, keys.LABEL_ROLE: keys.ROLE_DRIVER},
            "ports": [
                {"name": "ray", "port": keys.PORT_RAY, "targetPort": keys.PORT_RAY, "protocol": "TCP"},
                {"name": "progress", "port": keys.PORT_PROGRESS, "targetPort": keys.PORT_PROGRESS, "protocol": "TCP"},
            ],
        },
    }


def storage_claim(identity: Identity, storage: Storage) -> dict[str, Any]:
    """Return the claim for ledger and checkpoints; it ends with the experiment."""
    spec: dict[str, Any] = {
        "accessModes": [storage.access_mode.value],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(identity, identity.base, "storage"),
        "spec": spec,
    }


def claim_name(identity: Identity, storage: Storage) -> str:
    """Return the name of the claim that driver and workers mount."""
    return storage.claim_name or identity.base
