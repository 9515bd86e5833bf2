"""Kubernetes Events: what happened to an experiment, for `kubectl describe`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from luthier.api import keys
from luthier.operator.observation import Identity

REPORTER = "luthier"
MESSAGE_CHARACTERS = 1024
"""What the API server accepts."""


def event(identity: Identity, reason: str, message: str, *, warning: bool, time: datetime) -> dict[str, Any]:
    """Return an event whose name follows from what it says, so that saying it twice makes one."""
    digest = hashlib.sha256(f"{identity.uid} {reason} {message} {time.isoformat()}".encode()).hexdigest()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{identity.name}.{digest[:16]}", "namespace": identity.namespace},
        "involvedObject": {
            "apiVersion": keys.API_VERSION,
            "kind": keys.KIND,
            "name": identity.name,
            "namespace": identity.namespace,
            "uid": identity.uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:MESSAGE_CHARACTERS],
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "reportingInstance": REPORTER,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
