"""Every name that two parts of Luthier must agree on stands here, once.

Labels and annotations on children, environment variables and mount paths in pods,
ports, and the exit codes by which a driver tells the operator how it ended.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

GROUP: Final = "luthier.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TuningExperiment"
PLURAL: Final = "tuningexperiments"
SINGULAR: Final = "tuningexperiment"
SHORT_NAME: Final = "tx"
CATEGORY: Final = "tuning"

LABEL_EXPERIMENT: Final = f"{GROUP}/experiment"
LABEL_UID: Final = f"{GROUP}/experiment-uid"
LABEL_ROLE: Final = f"{GROUP}/role"
LABEL_ATTEMPT: Final = f"{GROUP}/attempt"
LABEL_METRICS: Final = f"{GROUP}/metrics"
"""Of a driver that shows metrics: how many (`spec.driver.metrics`); absent where it shows none."""
MANAGED_BY: Final = "luthier"

ROLE_DRIVER: Final = "driver"
ROLE_WORKER: Final = "worker"
ROLE_READER: Final = "reader"
"""A pod that the command line makes to read the storage; the operator does not know it."""

CONTAINER: Final = "trial"
"""Name of the container in driver and worker pods; a pod template is merged into it."""

ANNOTATION_EXPERIMENT: Final = f"{GROUP}/spec"
"""Annotation of the driver pod: the experiment as JSON (`apiVersion`, `kind`, `metadata`, `spec` without pod
templates); the driver reads it as a file through the downward API."""

ANNOTATION_IMAGE: Final = f"{GROUP}/image"
"""Annotation of the token Secret: the image of the experiment's pods, which reads the storage when no pod is left."""

ENV_EXPERIMENT_FILE: Final = "LUTHIER_EXPERIMENT_FILE"
"""Path of that file in the driver."""
ENV_STORAGE: Final = "LUTHIER_STORAGE"
"""Directory of this experiment on its storage: ledger and checkpoints."""
ENV_ATTEMPT: Final = "LUTHIER_ATTEMPT"
"""Number of this driver's attempt, from 1; a higher one fences a lower one."""
ENV_PREVIOUS_END: Final = "LUTHIER_PREVIOUS_END"
"""How the driver before this one ended, as `Cause: message`; absent for the first."""
ENV_POD: Final = "LUTHIER_POD"
"""Name of this pod."""
ENV_POD_UID: Final = "LUTHIER_POD_UID"
"""uid of the worker's own pod."""
ENV_POD_IP: Final = "LUTHIER_POD_IP"
"""Address of this pod."""
ENV_GRACE: Final = "LUTHIER_GRACE_SECONDS"
"""Seconds that this pod has between being told to end and being killed."""
ENV_TOKEN_FILE: Final = "LUTHIER_TOKEN_FILE"  # noqa: S105  # a name, not a secret
"""File that holds the token of `/progress`."""
ENV_HEAD: Final = "LUTHIER_HEAD"
"""`host:port` of the Ray head, as workers call it."""
ENV_DRIVER: Final = "LUTHIER_DRIVER"
"""`host:port` of the driver's window, where a worker speaks for itself."""
ENV_SLOTS: Final = "LUTHIER_SLOTS"
"""Trials that this pod holds at a time (a worker's `trialsPerWorker`; a driver's only where there are no workers)."""
ENV_CPUS: Final = "LUTHIER_CPUS"
"""CPU cores of this pod, as Ray is told (rounded up)."""
ENV_GPUS: Final = "LUTHIER_GPUS"
"""GPUs of this pod, as Ray is told."""
ENV_IMAGE: Final = "LUTHIER_IMAGE"
"""Image of this pod, for the experiment's report."""
ENV_TRIAL: Final = "LUTHIER_TRIAL"
"""Name of the trial, in the environment of a trial's own program."""
ENV_PARAMETERS_FILE: Final = "LUTHIER_PARAMETERS_FILE"
"""JSON file with the trial's parameters, for a trial's own program."""
ENV_PARAMETER_PREFIX: Final = "LUTHIER_PARAM_"
"""Prefix of one environment variable a parameter: `LUTHIER_PARAM_lr=0.01`."""

MOUNT_STORAGE: Final = "/luthier/storage"
MOUNT_CODE: Final = "/luthier/code"
MOUNT_EXPERIMENT: Final = "/luthier/experiment"
MOUNT_TOKEN: Final = "/luthier/token"  # noqa: S105  # a name, not a secret
MOUNT_HOME: Final = "/home/luthier"

PORT_RAY: Final = 6379
PORT_PROGRESS: Final = 8077
"""Port of the driver's `/progress` and `/metrics`."""
PORT_METRICS: Final = 8080
"""Port of the operator's `/metrics` and `/healthz`."""

SLOT: Final = "luthier_slot"
"""Ray's custom resource: one slot holds one trial."""

RAY_TOKEN_KEY: Final = "ray"  # noqa: S105  # a name, not a secret
PROGRESS_TOKEN_KEY: Final = "progress"  # noqa: S105  # a name, not a secret
"""Keys in the experiment's token Secret."""


class Exit(IntEnum):
    """How a driver ended, as its exit code."""

    OK = 0
    """The search ended as planned; the outcome is in the termination message."""
    CRASHED = 1
    """An error nobody foresaw; a new attempt may help."""
    BAD_EXPERIMENT = 64
    """The user's code or manifest can't work (import error, missing attribute); no new attempt helps."""
    INTERRUPTED = 74
    """Asked to leave before the search had ended; the next attempt goes on."""
    FENCED = 75
    """A newer attempt owns the storage; this one left without writing."""
