"""The pod that reads an experiment's storage when no driver does: restricted, without API token, short-lived.

It is made with the user's own rights, runs nobody's code but Luthier's, mounts the storage read only, and is not
the operator's: it lacks the label by which that one finds its pods.
"""

from __future__ import annotations

from typing import Any

from luthier.api import keys
from luthier.api.naming import base_name, storage_folder

Json = dict[str, Any]

LIFETIME_SECONDS = 1800
"""After which the pod ends even if whoever made it is gone."""
USER = 1000
TAKEN_OVER = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "serviceAccountName", "securityContext")
"""Fields of the driver's pod that decide whether and where a pod of that image may run."""


def reader_pod(experiment: Json, name: str, image: str, like: Json) -> Json:
    """Return the pod.

    Args:
        experiment: as the API server has it.
        name: of the pod.
        image: a trial image.
        like: the spec of the experiment's driver pod, as far as it is known.
    """
    metadata = experiment["metadata"]
    own, uid = metadata["name"], metadata["uid"]
    base = base_name(own, uid)
    claim = (experiment["spec"].get("storage") or {}).get("claimName") or base
    taken_over = {field: like[field] for field in TAKEN_OVER if like.get(field)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {
                keys.LABEL_EXPERIMENT: own,
                keys.LABEL_ROLE: keys.ROLE_READER,
                "app.kubernetes.io/name": keys.MANAGED_BY,
                "app.kubernetes.io/component": keys.ROLE_READER,
            },
            "ownerReferences": [{"apiVersion": keys.API_VERSION, "kind": keys.KIND, "name": own, "uid": uid}],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFETIME_SECONDS,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **taken_over,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
                **taken_over.get("securityContext", {}),
            },
            "containers": [_container(image, storage_folder(own, uid))],
            "volumes": [
                {"name": "storage", "persistentVolumeClaim": {"claimName": claim}},
                {"name": "token", "secret": {"secretName": base, "items": [_token_item()]}},
            ],
        },
    }


def image_of(driver: Json | None) -> str | None:
    """Return the image of a driver's pod."""
    containers = driver["spec"]["containers"] if driver else []
    return next((str(each["image"]) for each in containers if each["name"] == keys.CONTAINER), None)


def _container(image: str, folder: str) -> Json:
    environment = {
        keys.ENV_STORAGE: f"{keys.MOUNT_STORAGE}/{folder}",
        keys.ENV_TOKEN_FILE: f"{keys.MOUNT_TOKEN}/{keys.PROGRESS_TOKEN_KEY}",
    }
    return {
        "name": keys.CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "luthier.trial.reader"],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "storage", "mountPath": keys.MOUNT_STORAGE, "readOnly": True},
            {"name": "token", "mountPath": keys.MOUNT_TOKEN, "readOnly": True},
        ],
    }


def _token_item() -> Json:
    return {"key": keys.PROGRESS_TOKEN_KEY, "path": keys.PROGRESS_TOKEN_KEY}
