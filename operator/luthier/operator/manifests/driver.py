"""The pod that runs the search: Ray head, Tune driver and progress server."""

from __future__ import annotations

import json
from typing import Any

from luthier.api import keys
from luthier.api.experiment import DriverMetrics
from luthier.api.manifest import Experiment
from luthier.api.naming import storage_folder
from luthier.operator.manifests.names import ANNOTATION_RESTARTS, driver_address, driver_host, driver_name
from luthier.operator.manifests.pod import RAY_AMONG_PODS, PodParts, build_pod, size
from luthier.operator.manifests.template import merge_template
from luthier.operator.observation import Identity
from luthier.operator.settings import Settings

EXPERIMENT_FILE = "experiment.json"
IDLE_RESOURCES = {"requests": {"cpu": "100m", "memory": "512Mi"}}
"""What a driver asks for whose trials run in workers."""
LISTENING_SECONDS = 5
"""A driver listens by then. Each probe that comes before is a warning event, of a startup probe just as well."""

Json = dict[str, Any]


def driver_pod(
    identity: Identity,
    experiment: Experiment,
    attempt: int,
    restarts: int,
    settings: Settings,
    previous_end: str | None = None,
) -> Json:
    """Return the driver pod of an attempt, the user's template merged in; it is told how the one before it ended."""
    spec, shown = experiment.spec, experiment.spec.driver.metrics
    sizing = size(spec, spec.budget.parallel_trials) if spec.worker_count == 0 else None
    parts = PodParts(
        name=driver_name(identity, attempt),
        role=keys.ROLE_DRIVER,
        attempt=attempt,
        command=("python", "-m", "luthier.trial.driver"),
        environment={
            keys.ENV_EXPERIMENT_FILE: f"{keys.MOUNT_EXPERIMENT}/{EXPERIMENT_FILE}",
            keys.ENV_STORAGE: f"{keys.MOUNT_STORAGE}/{storage_folder(identity.name, identity.uid)}",
            keys.ENV_ATTEMPT: str(attempt),
            keys.ENV_TOKEN_FILE: f"{keys.MOUNT_TOKEN}/{keys.PROGRESS_TOKEN_KEY}",
            keys.ENV_IMAGE: spec.trial.image or settings.trial_image,
            **({keys.ENV_PREVIOUS_END: previous_end} if previous_end else {}),
            keys.ENV_HEAD: f"{driver_address(identity, attempt)}:{keys.PORT_RAY}",
            **(sizing.environment if sizing else RAY_AMONG_PODS),
        },
        fields={keys.ENV_POD_IP: "status.podIP"},
        resources=_with_room_for_the_head(sizing.resources) if sizing else IDLE_RESOURCES,
        token_keys=(keys.RAY_TOKEN_KEY, keys.PROGRESS_TOKEN_KEY),
        annotations={
            keys.ANNOTATION_EXPERIMENT: spec_annotation(identity, experiment),
            ANNOTATION_RESTARTS: str(restarts),
        },
        labels={} if shown is DriverMetrics.NONE else {keys.LABEL_METRICS: shown.value},
        volumes=({"name": "experiment", "downwardAPI": {"items": [_experiment_item()]}},),
        mounts=({"name": "experiment", "mountPath": keys.MOUNT_EXPERIMENT, "readOnly": True},),
        container={
            "ports": [
                {"name": "ray", "containerPort": keys.PORT_RAY, "protocol": "TCP"},
                {"name": "progress", "containerPort": keys.PORT_PROGRESS, "protocol": "TCP"},
            ],
            "readinessProbe": {
                "httpGet": {"path": "/healthz", "port": keys.PORT_PROGRESS},
                "initialDelaySeconds": LISTENING_SECONDS,
                "periodSeconds": 2,
                "timeoutSeconds": 5,
                "failureThreshold": 5,
            },
        },
        spec={"hostname": driver_host(attempt), "subdomain": identity.base},
    )
    return merge_template(build_pod(identity, spec, settings, parts), spec.driver.template)


def spec_annotation(identity: Identity, experiment: Experiment) -> str:
    """Return the experiment as the driver reads it: no pod templates, which are the operator's business."""
    spec = experiment.spec.to_json()
    for role in ("driver", "workers"):
        spec.get(role, {}).pop("template", None)
    document = {
        "apiVersion": keys.API_VERSION,
        "kind": keys.KIND,
        "metadata": {
            "name": identity.name,
            "namespace": identity.namespace,
            "uid": identity.uid,
            "generation": identity.generation,
        },
        "spec": spec,
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _with_room_for_the_head(resources: Json) -> Json:
    """Drop the trials' memory limit: here the Ray head lives from the same memory."""
    limits = {name: value for name, value in resources.get("limits", {}).items() if name != "memory"}
    return {"requests": resources["requests"], **({"limits": limits} if limits else {})}


def _experiment_item() -> Json:
    return {
        "path": EXPERIMENT_FILE,
        "fieldRef": {"fieldPath": f"metadata.annotations['{keys.ANNOTATION_EXPERIMENT}']"},
    }
