"""A GPU trial pod: one Ray node that joins its attempt's head."""

from __future__ import annotations

from typing import Any

from luthier.api import keys
from luthier.api.experiment import Spec
from luthier.operator.manifests.names import driver_address, worker_name
from luthier.operator.manifests.pod import RAY_AMONG_PODS, PodParts, build_pod, size
from luthier.operator.manifests.template import merge_template
from luthier.operator.observation import Identity
from luthier.operator.plan import DEFAULT_GRACE_SECONDS
from luthier.operator.settings import Settings


def worker_pod(identity: Identity, spec: Spec, attempt: int, index: int, settings: Settings) -> dict[str, Any]:
    """Return one of an attempt's worker pods, the user's template merged in."""
    sizing = size(spec, spec.workers.trials_per_worker)
    driver = driver_address(identity, attempt)
    parts = PodParts(
        name=worker_name(identity, attempt, index),
        role=keys.ROLE_WORKER,
        attempt=attempt,
        index=index,
        command=("python", "-m", "luthier.trial.worker"),
        environment={
            keys.ENV_HEAD: f"{driver}:{keys.PORT_RAY}",
            keys.ENV_DRIVER: f"{driver}:{keys.PORT_PROGRESS}",
            keys.ENV_GRACE: str(_grace_seconds(spec)),
            **RAY_AMONG_PODS,
            **sizing.environment,
        },
        fields={keys.ENV_POD: "metadata.name", keys.ENV_POD_UID: "metadata.uid", keys.ENV_POD_IP: "status.podIP"},
        resources=sizing.resources,
        token_keys=(keys.RAY_TOKEN_KEY,),
    )
    return merge_template(build_pod(identity, spec, settings, parts), spec.workers.template)


def _grace_seconds(spec: Spec) -> int:
    """Return what the pod is granted; a user whose trials save slowly grants more in the template."""
    given = ((spec.workers.template or {}).get("spec") or {}).get("terminationGracePeriodSeconds")
    return given if isinstance(given, int) else DEFAULT_GRACE_SECONDS  # of what is no number the API server tells
