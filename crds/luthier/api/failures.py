"""Why a trial's run ends badly, and what follows: classes of failure, each with a rule of its own.

The cause is decided once, where the run was; the ledger, the status and the metrics count it under
the same name. `trial.retryPolicy` overrides the defaults that stand here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from luthier.api.rules import ApiModel, Rule


class Cause(StrEnum):
    """Class of a failure."""

    OUT_OF_MEMORY = "OutOfMemory"
    """The kernel, the kubelet or Ray ended it for its memory."""
    CUDA_OUT_OF_MEMORY = "CudaOutOfMemory"
    """A GPU's memory did not suffice."""
    EVICTED = "Evicted"
    """Its worker pod was evicted, preempted, drained or deleted."""
    WORKER_LOST = "WorkerLost"
    """Its worker process or pod ended, and nobody said why."""
    NODE_LOST = "NodeLost"
    """The node of its worker does not answer."""
    EXCEPTION = "Exception"
    """Its code raised."""
    EXIT_CODE = "ExitCode"
    """Its program ended with an exit code other than 0."""
    NOT_FINITE = "NotFinite"
    """An objective was NaN or infinite."""
    NO_RESULT = "NoResult"
    """It ended without ever reporting the objectives."""
    HANG = "Hang"
    """It reported nothing for `trial.hangTimeoutSeconds`."""
    STORAGE_FULL = "StorageFull"
    """A checkpoint found no room on the storage."""
    BAD_CHECKPOINT = "BadCheckpoint"
    """The checkpoint that it was to go on from is torn or gone."""
    IMAGE_PULL = "ImagePull"
    """A worker pod's image can't be pulled."""
    REFUSED = "Refused"
    """The API server refused a worker pod: quota, Pod Security, a webhook."""


class Action(StrEnum):
    """What follows a failure."""

    RETRY_FREE = "RetryFree"
    """The trial goes on from its last checkpoint; no retry is counted."""
    RETRY = "Retry"
    """The trial goes on from its last checkpoint while `trial.retries` lasts, then it has failed."""
    INFEASIBLE = "Infeasible"
    """The trial has failed because of its parameters: the search algorithm is told, `budget.failedTrials` is not
    used up once any trial has had a result."""
    FAIL = "Fail"
    """The trial has failed."""
    FAIL_EXPERIMENT = "FailExperiment"
    """The trial has failed, and the experiment with it."""


DEFAULT_ACTIONS: dict[Cause, Action] = {
    Cause.OUT_OF_MEMORY: Action.INFEASIBLE,
    Cause.CUDA_OUT_OF_MEMORY: Action.INFEASIBLE,
    Cause.EVICTED: Action.RETRY_FREE,
    Cause.WORKER_LOST: Action.RETRY_FREE,
    Cause.NODE_LOST: Action.RETRY_FREE,
    Cause.EXCEPTION: Action.RETRY,
    Cause.EXIT_CODE: Action.RETRY,
    Cause.NOT_FINITE: Action.INFEASIBLE,
    Cause.NO_RESULT: Action.FAIL,
    Cause.HANG: Action.RETRY,
    Cause.STORAGE_FULL: Action.RETRY_FREE,
    Cause.BAD_CHECKPOINT: Action.RETRY_FREE,
    Cause.IMAGE_PULL: Action.RETRY_FREE,
    Cause.REFUSED: Action.RETRY_FREE,
}
"""What follows where `trial.retryPolicy` says nothing."""

OF_PODS = (Cause.IMAGE_PULL, Cause.REFUSED)
"""Failures of a worker pod that no trial runs in yet."""


class RetryRule(ApiModel):
    """What follows one class of failure."""

    cause: Cause
    """Class of the failure. Example: `OutOfMemory`."""
    action: Action
    """RetryFree, Retry (counted in `trial.retries`), Infeasible (the search algorithm is told), Fail or
    FailExperiment. Example: `Retry`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "action",
            "must be RetryFree or FailExperiment when `cause` is ImagePull or Refused",
            "!(self.cause in ['ImagePull', 'Refused']) || self.action in ['RetryFree', 'FailExperiment']",
            lambda r: r.cause not in OF_PODS or r.action in (Action.RETRY_FREE, Action.FAIL_EXPERIMENT),
        ),
    )


def action_for(policy: list[RetryRule], cause: Cause) -> Action:
    """Return what follows a failure of this class under a policy."""
    return next((rule.action for rule in policy if rule.cause is cause), DEFAULT_ACTIONS[cause])
