"""`TuningExperiment.status`: bounded whatever the number of trials, written only by the operator."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, WithJsonSchema

from luthier.api.experiment import Budget
from luthier.api.rules import ApiModel, AtomicList, keyed_by

TOP_TRIALS = 5
FRONT_POINTS = 16
LINEAGE_STEPS = 32
FAILURES_SHOWN = 5
METRICS_SHOWN = 16
RUNGS_SHOWN = 16
MESSAGE_CHARACTERS = 1024

MOST = 2**53
Count = Annotated[int, Field(ge=0, le=MOST)]
Seconds = Annotated[float, Field(ge=0, le=1e15)]
OPEN: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""Schema of a map whose values have several types; the models look into it, the API server does not."""
Value = bool | Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | float | Annotated[str, Field(max_length=128)]
ParameterName = Annotated[str, Field(max_length=63)]
Values = Annotated[dict[ParameterName, Value], Field(max_length=64), WithJsonSchema({**OPEN, "maxProperties": 64})]
Changes = Annotated[
    dict[ParameterName, Annotated[list[Value | None], Field(max_length=2)]],
    Field(max_length=64),
    WithJsonSchema({**OPEN, "maxProperties": 64}),
]
Metrics = Annotated[dict[Annotated[str, Field(max_length=63)], float], Field(max_length=METRICS_SHOWN)]
"""Any finite number: the API server would cut a bound to 64 bits."""
TrialName = Annotated[str, Field(max_length=63)]


class StatusModel(ApiModel):
    """Base of what Luthier itself writes: a newer version's fields are ignored, not refused."""

    model_config = ConfigDict(extra="ignore")


class ConditionStatus(StrEnum):
    """Status of a condition, as in metav1."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class StatusCondition(StatusModel):
    """A metav1 condition."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Accepted, Running, Suspended, Stalled, Succeeded or Failed."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Stable CamelCase word for the cause. Example: `Unschedulable`."""
    message: Annotated[str, Field(max_length=32768)]
    """A sentence with numbers."""
    last_transition_time: AwareDatetime
    """When `status` last changed."""
    observed_generation: Count | None = None
    """Generation of the spec that this was decided for."""


class Waste(StrEnum):
    """Why seconds that trials held came to nothing."""

    EARLY_STOPPED = "EarlyStopped"
    """The scheduler stopped the trial: what it had learnt is known, its training is given up."""
    EXPLOITED = "Exploited"
    """The trial took over another one's weights: its own training is given up, as far as nobody had copied it."""
    FAILED = "Failed"
    """The trial failed, or its run did and repeats what it had not saved."""
    DISRUPTED = "Disrupted"
    """A run was lost through no fault of its own and repeats what it had not saved."""


WastedSeconds = Annotated[dict[Annotated[str, Field(max_length=63)], Seconds], Field(max_length=8)]


class TrialCounts(StatusModel):
    """Trials by state."""

    total: Count = 0
    """Trials that the budget asks for."""
    pending: Count = 0
    """Proposed, not yet running."""
    running: Count = 0
    """Running now."""
    paused: Count = 0
    """Waiting at a rung or for their turn in the population."""
    succeeded: Count = 0
    """Ran to their end."""
    stopped: Count = 0
    """Ended early by the scheduler or because the experiment ended."""
    failed: Count = 0
    """Ended with an error, a value that is no number, or without any result."""

    @property
    def finished(self) -> int:
        """Trials that will not run again."""
        return self.succeeded + self.stopped + self.failed


class TrialResult(StatusModel):
    """One trial at its best iteration."""

    trial: TrialName
    """Name of the trial. Example: `t0007`."""
    iteration: Count
    """Iteration at which the metrics were reported."""
    parameters: Values = {}
    """Value by parameter name at that iteration."""
    metrics: Metrics = {}
    """Objective metrics first, then others in order of name."""
    checkpoint: Annotated[str, Field(max_length=1024)] | None = None
    """Path of the nearest checkpoint on the experiment's storage, at or before that iteration."""


class Progress(StatusModel):
    """How far the experiment is."""

    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Part of the budget's trials (or iterations, where a trial's are limited) that is done."""
    eta_seconds: Count | None = None
    """Seconds that are left, from the pace so far."""


class Usage(StatusModel):
    """What the experiment cost."""

    trial_seconds: Seconds = 0
    """Seconds that trials held a slot, added up over trials."""
    gpu_seconds: Seconds = 0
    """GPU-seconds that trials held."""
    running_seconds: Seconds = 0
    """Seconds that the search ran, pauses left out."""
    wasted_trial_seconds: WastedSeconds = {}
    """Of the trial-seconds, those that came to nothing, by cause: EarlyStopped, Exploited, Failed or
    Disrupted. Example: `{EarlyStopped: 340.5}`."""
    wasted_gpu_seconds: WastedSeconds = {}
    """The same of the GPU-seconds, where trials take GPUs."""


class Exploit(StatusModel):
    """One copy of a winner's weights and parameters to a loser."""

    trial: TrialName
    """The loser."""
    donor: TrialName
    """The winner it copied from."""
    iteration: Count
    """The loser's iteration at the copy."""
    donor_iteration: Count
    """Iteration of the winner's checkpoint that the loser goes on from."""
    time: AwareDatetime
    """When it happened."""
    checkpoint: Annotated[str, Field(max_length=1024)] | None = None
    """The winner's checkpoint."""
    changed: Changes = {}
    """What explore changed: winner's value and new value by parameter name."""


class Population(StatusModel):
    """Population based training as it goes."""

    generation: Count = 0
    """Perturbation intervals that the slowest member has lived through."""
    exploits: Count = 0
    """Copies so far."""
    lineage: Annotated[AtomicList[Exploit], Field(max_length=LINEAGE_STEPS)] = []
    """Copies that the best trial's weights descend from and the last others, newest last."""


class FailedTrial(StatusModel):
    """Why a trial failed."""

    trial: TrialName
    """Name of the trial."""
    cause: Annotated[str, Field(max_length=63)]
    """Class of the failure. Example: `OutOfMemory`."""
    message: Annotated[str, Field(max_length=MESSAGE_CHARACTERS)]
    """The last lines of its error."""


FailureCounts = Annotated[dict[Annotated[str, Field(max_length=63)], Count], Field(max_length=32)]


class RungCount(StatusModel):
    """What happened at one rung of successive halving."""

    iterations: Count
    """Iterations at which trials are compared there."""
    promoted: Count = 0
    """Trials that went on from there."""
    stopped: Count = 0
    """Trials that ended there."""


class CheckpointCounts(StatusModel):
    """Checkpoints that trials saved, removed ones too."""

    saved: Count = 0
    """Checkpoints that were complete on the storage."""
    bytes: Count = 0
    """Bytes in them."""
    seconds: Seconds = 0
    """Seconds that writing them took."""
    failures: Count = 0
    """Checkpoints that found no room, or were damaged when a trial was to go on from them."""


class Activity(StatusModel):
    """What trials did, in numbers that only grow."""

    exploits: Count = 0
    """Copies of a winner's weights to a loser."""
    explores: Count = 0
    """Copies whose parameters were changed on the way."""
    checkpoints: CheckpointCounts = CheckpointCounts()
    """Checkpoints that trials saved, removed ones too."""
    retries: FailureCounts = {}
    """Runs that ended badly and went on from a checkpoint, by class of failure."""
    rungs: Annotated[AtomicList[RungCount], Field(max_length=RUNGS_SHOWN)] = []
    """Promotions and stops, lowest rung first, where the scheduler has rungs."""


class EndedBudget(Budget):
    """A budget as it stood at the end."""

    model_config = ConfigDict(extra="ignore")


class WorkerCounts(StatusModel):
    """Worker pods."""

    desired: Count = 0
    """Worker pods that should run."""
    ready: Count = 0
    """Worker pods that run."""


class Status(StatusModel):
    """How good, how far, what it cost, why it is stuck."""

    conditions: Annotated[list[StatusCondition], Field(max_length=16, json_schema_extra=keyed_by("type"))] = []
    """Accepted, Running, Suspended, Stalled, Succeeded, Failed; reason and message say why."""
    observed_generation: Count | None = None
    """Generation of the spec that this status was made from."""
    state: Annotated[str, Field(max_length=32)] | None = None
    """One word for people's eyes, derived from the conditions: Pending, Running, Suspended, Stalled, Succeeded,
    Failed or Rejected."""
    message: Annotated[str, Field(max_length=256)] | None = None
    """The sentence of the condition that `state` is derived from, for `kubectl get -o wide`."""
    stalled: Annotated[str, Field(max_length=64)] | None = None
    """Why nothing moves, in one word: the reason of the condition Stalled while that is True. Example: `ImagePull`."""
    start_time: AwareDatetime | None = None
    """When the first driver was created."""
    completion_time: AwareDatetime | None = None
    """When the experiment ended."""
    last_result_time: AwareDatetime | None = None
    """When a trial last reported; a minute old at most while nothing else changes."""
    last_improvement_time: AwareDatetime | None = None
    """When a result last was better than all before it."""
    trials: TrialCounts = TrialCounts()
    """Trials by state."""
    best: TrialResult | None = None
    """The best trial by the primary objective."""
    best_value: Annotated[str, Field(max_length=32)] | None = None
    """The primary metric of the best trial, for `kubectl get`."""
    done: Annotated[str, Field(max_length=64)] | None = None
    """Trials finished and asked for, for `kubectl get`. Example: `12/16`."""
    gpu_hours: Annotated[str, Field(max_length=32)] | None = None
    """GPU-hours used, for `kubectl get`."""
    eta: Annotated[str, Field(max_length=32)] | None = None
    """Time left, for `kubectl get`. Example: `4m`."""
    top: Annotated[AtomicList[TrialResult], Field(max_length=TOP_TRIALS)] = []
    """The best trials, best first."""
    pareto_front: Annotated[AtomicList[TrialResult], Field(max_length=FRONT_POINTS)] = []
    """Trials that no other one beats in every objective, where there are several objectives."""
    progress: Progress = Progress()
    """How far the experiment is."""
    usage: Usage = Usage()
    """What the experiment cost."""
    population: Population | None = None
    """Population based training as it goes."""
    failures: Annotated[AtomicList[FailedTrial], Field(max_length=FAILURES_SHOWN)] = []
    """The last failed trials, newest last."""
    failure_counts: FailureCounts = {}
    """Runs of trials and worker pods that ended badly, by class of failure; retried ones count, too.
    Example: `{OutOfMemory: 2, Evicted: 1}`."""
    activity: Activity | None = None
    """What trials did, in numbers that only grow."""
    workers: WorkerCounts = WorkerCounts()
    """Worker pods."""
    ended_budget: EndedBudget | None = None
    """Budget that the experiment ended with; a larger one in the spec goes on from there."""
    attempt: Count = 0
    """Number of the current driver."""
    restarts: Count = 0
    """Drivers that were replaced because they were lost."""
