"""What driver and worker pods have in common: a restricted pod around the container `trial`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from luthier.api import keys
from luthier.api.experiment import Spec
from luthier.operator.manifests.names import LABEL_INDEX, metadata
from luthier.operator.manifests.quantity import cores, times, whole
from luthier.operator.manifests.surroundings import claim_name
from luthier.operator.observation import Identity
from luthier.operator.plan import DEFAULT_GRACE_SECONDS
from luthier.operator.settings import Settings

USER = 1000
"""User and group of the trial image."""
GPU = "nvidia.com/gpu"

CERTIFICATES = f"{keys.MOUNT_HOME}/.ray-tls"
RAY_AMONG_PODS = {
    "RAY_USE_TLS": "1",
    "RAY_TLS_CA_CERT": f"{CERTIFICATES}/ca.crt",
    "RAY_TLS_SERVER_CERT": f"{CERTIFICATES}/tls.crt",
    "RAY_TLS_SERVER_KEY": f"{CERTIFICATES}/tls.key",
}
"""A Ray of several pods speaks mutual TLS, and each pod makes its certificate; within one pod, loopback is enough."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Sizing:
    """What a pod that runs trials takes, and what Ray is told of it."""

    resources: Json
    environment: dict[str, str]


@dataclass(frozen=True)
class PodParts:
    """In what a driver and a worker pod differ."""

    name: str
    role: str
    attempt: int
    command: tuple[str, ...]
    environment: dict[str, str]
    resources: Json
    token_keys: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)
    """Variables that get a field of the pod itself."""
    index: int | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    volumes: tuple[Json, ...] = ()
    mounts: tuple[Json, ...] = ()
    container: Json = field(default_factory=dict)
    """Further fields of the container."""
    spec: Json = field(default_factory=dict)
    """Further fields of the pod."""


def build_pod(identity: Identity, spec: Spec, settings: Settings, parts: PodParts) -> Json:
    """Return a pod before any user template is merged in."""
    meta = metadata(identity, parts.name, parts.role)
    meta["labels"] |= {keys.LABEL_ROLE: parts.role, keys.LABEL_ATTEMPT: str(parts.attempt), **parts.labels}
    if parts.index is not None:
        meta["labels"][LABEL_INDEX] = str(parts.index)
    if parts.annotations:
        meta["annotations"] = parts.annotations
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": DEFAULT_GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(spec, settings, parts)],
            "volumes": [*_volumes(identity, spec, parts), *parts.volumes],
            **parts.spec,
        },
    }


def size(spec: Spec, trials: int) -> Sizing:
    """Return what a pod takes that holds this many trials at a time."""
    each = spec.trial.resources
    gpus = whole(each.gpu * trials)
    requests = {"cpu": cores(each.cpu * trials)}
    limits: dict[str, str] = {}
    if each.memory is not None:
        requests["memory"] = limits["memory"] = times(each.memory, trials)
    if gpus:
        limits[GPU] = str(gpus)
    return Sizing(
        {"requests": requests, **({"limits": limits} if limits else {})},
        {
            keys.ENV_SLOTS: str(trials),
            keys.ENV_CPUS: str(max(1, whole(each.cpu * trials))),
            keys.ENV_GPUS: str(gpus),
        },
    )


def _container(spec: Spec, settings: Settings, parts: PodParts) -> Json:
    environment = {
        **parts.environment,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": f"{keys.MOUNT_TOKEN}/{keys.RAY_TOKEN_KEY}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HOME": keys.MOUNT_HOME,
        "PYTHONUNBUFFERED": "1",
    }
    if spec.trial.source is not None:
        environment["PYTHONPATH"] = keys.MOUNT_CODE
    return {
        "name": keys.CONTAINER,
        "image": spec.trial.image or settings.trial_image,
        "imagePullPolicy": settings.pull_policy,
        "command": list(parts.command),
        "env": [
            *({"name": name, "value": value} for name, value in environment.items()),
            *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in parts.fields.items()),
        ],
        "resources": parts.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [*_mounts(spec), *parts.mounts],
        **parts.container,
    }


def _mounts(spec: Spec) -> list[Json]:
    mounts: list[Json] = [
        {"name": "storage", "mountPath": keys.MOUNT_STORAGE},
        {"name": "token", "mountPath": keys.MOUNT_TOKEN, "readOnly": True},
        {"name": "home", "mountPath": keys.MOUNT_HOME},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path in the pod
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - a path in the pod
    ]
    if spec.trial.source is not None:
        mounts.append({"name": "code", "mountPath": keys.MOUNT_CODE, "readOnly": True})
    return mounts


def _volumes(identity: Identity, spec: Spec, parts: PodParts) -> list[Json]:
    token_items = [{"key": key, "path": key} for key in parts.token_keys]
    volumes: list[Json] = [
        {"name": "storage", "persistentVolumeClaim": {"claimName": claim_name(identity, spec.storage)}},
        {"name": "token", "secret": {"secretName": identity.base, "items": token_items}},
        {"name": "home", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory"}},
    ]
    if spec.trial.source is not None:
        volumes.append({"name": "code", "configMap": {"name": spec.trial.source.config_map}})
    return volumes
