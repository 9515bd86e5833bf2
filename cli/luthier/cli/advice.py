"""What to do about the reasons for which an experiment stands still or has ended."""

from __future__ import annotations

ADVICE = {
    "Unschedulable": "Free or add the resource, or ask for less in trial.resources or workers.max.",
    "ImagePull": "Check trial.image and the pull secret; see `kubectl describe pod`.",
    "CreateContainerConfig": "A Secret or ConfigMap that the pod template refers to is missing or lacks a key.",
    "QuotaExceeded": "Raise the ResourceQuota, or lower budget.parallelTrials or trial.resources.",
    "Forbidden": "An admission policy refuses the pods; change workers.template or ask the cluster's owner.",
    "ConfigMapNotFound": "Create the ConfigMap that trial.source names; `kubectl apply -k` on the folder makes it.",
    "ClaimNotFound": "Create the PersistentVolumeClaim that storage.claimName names.",
    "ClaimPending": "No volume is given: check storage.storageClassName and storage.accessMode.",
    "SecretNotFound": "Create the Secret that the pod template refers to.",
    "NoResult": "Look at the log of the driver and worker pods; raise trial.reportTimeoutSeconds if trials are slow.",
    "MetricMissing": "Report the objective under that very name, or correct objectives[].metric.",
    "DriverCrashLoop": "Look at the log of the driver: luthier logs NAME.",
    "WorkerCrash": "Look at the log of the worker pods; too little memory is the usual cause: trial.resources.memory.",
    "ContainerCreation": "The node can't make the container; see `kubectl describe pod`.",
    "VolumeMount": "The node can't mount the volume; see `kubectl describe pod` and storage.accessMode.",
    "NameTaken": "Rename the experiment, or delete the object that has the name.",
    "DriverUnreachable": "A NetworkPolicy may keep the operator from the driver's port 8077.",
    "StorageNotWritable": "Let group 1000 write to the volume, or use a storage class that honours fsGroup.",
    "StorageFull": "Enlarge the claim, or delete what else is on it; it goes on by itself.",
    "WorkersNotJoined": "Let pods of one experiment talk to each other in NetworkPolicies; see the workers' logs.",
    "TooManyFailures": "Read the failures; correct the code, or tolerate more: budget.failedTrials.",
    "FailedFast": "Read the failure; trial.retryPolicy says that one of this class ends the experiment.",
    "NoTrialSucceeded": "Read the failures: no trial gave a result.",
    "BadExperiment": "Correct trial.function or its code, then delete the experiment and apply it again.",
    "DurationReached": "More time: luthier extend NAME --seconds +3600.",
    "GpuHoursReached": "More GPU-hours: luthier extend NAME --gpu-hours +4.",
    "Stopped": "It goes on with luthier extend NAME, as with --trials +10.",
    "Suspended": "It goes on with luthier resume NAME.",
}
"""By the reason of a condition; NAME is the experiment's."""


def advice_on(reason: str, name: str) -> str:
    """Return what to do about a reason; empty where nothing is known."""
    return ADVICE.get(reason, "").replace("NAME", name)
