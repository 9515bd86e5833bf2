"""A GPU trial pod: one Ray node that joins its attempt's head."""

from __future__ import annotations

from typing import Any

from luthier.api import keys
from luthier.api.experiment import Spec
from luthier.operator.manifests.names import driver_host, worker_name
from luthier.operator.manifests.pod import PodParts, build_pod, size
from luthier.operator.manifests.template import merge_template
from luthier.operator.observation import Identity
from luthier.operator.settings import Settings


def worker_pod(identity: Identity, spec: Spec, attempt: int, index: int, settings: Settings) -> dict[str, Any]:
    """Return one of an attempt's worker pods, the user's template merged in."""
    sizing = size(spec, spec.workers.trials_per_worker)
    parts = PodParts(
        name=worker_name(identity, attempt, index),
        role=keys.ROLE_WORKER,
        attempt=attempt,
        index=index,
        command=("python", "-m", "luthier.trial.worker"),
        environment={
            keys.ENV_HEAD: f"{driver_host(attempt)}.{identity.base}.{identity.namespace}.svc:{keys.PORT_RAY}",
            **sizing.environment,
        },
        resources=sizing.resources,
        token_keys=(keys.RAY_TOKEN_KEY,),
    )
    return merge_template(build_pod(identity, spec, settings, parts), spec.workers.template)
