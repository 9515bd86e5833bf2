"""`TuningExperiment.spec`: what a user writes. These models are the source of truth of the CRD."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from luthier.api.catalogue import ALGORITHMS, Algorithm, SchedulerKind
from luthier.api.exports import Export
from luthier.api.failures import RetryRule
from luthier.api.joint_rules import SPEC_RULES, algorithms_that, spoken
from luthier.api.parameters import Bound, Parameter
from luthier.api.rules import OPEN, ApiModel, AtomicList, Rule, keyed_by
from luthier.api.scheduling import Iterations, Scheduler

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""Name of a Kubernetes object in the experiment's own namespace."""
MetricName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_./-]*$")]
Quantity = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$")]


class Direction(StrEnum):
    """Which way is better."""

    MAXIMIZE = "Maximize"
    MINIMIZE = "Minimize"


class Objective(ApiModel):
    """One metric to optimise."""

    metric: MetricName
    """Name under which the trial reports it. Example: `accuracy`."""
    direction: Direction
    """Which way is better. Example: `Maximize`."""
    target: Bound | None = None
    """The experiment ends as soon as a trial reaches this value, in the metric's unit. Default: none.
    Example: `0.985`."""

    def is_reached(self, value: float) -> bool:
        """Tell whether a value is as good as the target."""
        if self.target is None:
            return False
        return value >= self.target if self.direction is Direction.MAXIMIZE else value <= self.target


class SearchSettings(ApiModel):
    """Settings of the search algorithm."""

    startup_trials: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Random trials before the model proposes (TPE, GP, CMAES). Default: 10; 1 for CMAES. Example: `5`."""
    population_size: Annotated[int, Field(ge=4, le=1000)] | None = None
    """Trials of one generation (CMAES). Default: 4 + 3 ln(parameters). Example: `8`."""


class InitialPoint(ApiModel):
    """One configuration to try first."""

    values: Annotated[dict[str, Any], Field(max_length=64, json_schema_extra=OPEN)]
    """Value by parameter name; parameters left out are proposed by the algorithm. Example: `{lr: 0.01}`."""


_WITH_STARTUP = algorithms_that(lambda page: page.startup_trials)
_WITH_POPULATION = algorithms_that(lambda page: page.population_size)


class Search(ApiModel):
    """How new trials' parameters are proposed."""

    algorithm: Algorithm = Algorithm.RANDOM
    """Random, Grid, Sobol, TPE, GP (needs an image with torch) or CMAES. Default: Random. Example: `TPE`."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of every random choice; with `parallelTrials: 1` it makes a run repeatable. Default: 0. Example: `7`."""
    settings: SearchSettings = SearchSettings()
    """Settings of the algorithm. Default: the library's own. Example: `{startupTrials: 5}`."""
    initial_points: Annotated[AtomicList[InitialPoint], Field(max_length=64)] = []
    """Configurations to try first, in order. Default: none. Example: `[{values: {lr: 0.01}}]`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "settings.startupTrials",
            f"may be set only when `algorithm` is {spoken(_WITH_STARTUP)}",
            f"!has(self.settings.startupTrials) || self.algorithm in {_WITH_STARTUP}",
            lambda s: s.settings.startup_trials is None or ALGORITHMS[s.algorithm].startup_trials,
        ),
        Rule(
            "settings.populationSize",
            f"may be set only when `algorithm` is {spoken(_WITH_POPULATION)}",
            f"!has(self.settings.populationSize) || self.algorithm in {_WITH_POPULATION}",
            lambda s: s.settings.population_size is None or ALGORITHMS[s.algorithm].population_size,
        ),
    )


LIMITS = ("trials", "iterations_per_trial", "failed_trials", "duration_seconds", "gpu_hours")
"""Fields of the budget that end an experiment or its trials; `parallel_trials` ends nothing."""


class Budget(ApiModel):
    """When the experiment ends. May be changed while it runs and after its end: a raised one goes on."""

    trials: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Trials in all. Default: 10. Example: `100`."""
    parallel_trials: Annotated[int, Field(ge=1, le=1000)] = 1
    """Trials that run at the same time. Default: 1. Example: `4`."""
    iterations_per_trial: Iterations | None = None
    """Reports after which a trial is complete; when it is raised, complete trials go on, best first.
    Default: until the trainable ends by itself. Example: `40`."""
    failed_trials: Annotated[int, Field(ge=0, le=100_000)] = 3
    """Failed trials that are tolerated; one more fails the experiment. Default: 3. Example: `0`."""
    duration_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """Seconds of running after which the experiment ends. Default: none. Example: `3600`."""
    gpu_hours: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """GPU-hours (GPUs held by trials x time) after which the experiment ends. Default: none. Example: `4`."""
    stop: bool = False
    """True ends the experiment now, with what it has found; trials are saved first, and go on when it is false again.
    Default: false. Example: `true`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "gpuHours",
            "must be greater than 0",
            "!has(self.gpuHours) || self.gpuHours > 0.0",
            lambda b: b.gpu_hours is None or b.gpu_hours > 0,
        ),
    )

    def raised_since(self, before: Budget) -> list[str]:
        """Return the limits, named as in a manifest, that are higher than in another budget, or gone."""
        raised = [name for name in LIMITS if is_raised(getattr(before, name), getattr(self, name))]
        raised += ["stop"] if before.stop and not self.stop else []
        return [str(type(self).model_fields[name].alias) for name in raised]


def is_raised(before: float | None, limit: float | None) -> bool:
    """Tell whether a limit leaves more room than the one before; None is no limit."""
    return before is not None and (limit is None or limit > before)


class Resources(ApiModel):
    """What one trial takes."""

    cpu: Annotated[float, Field(ge=0, le=256)] = 1
    """CPU cores. Default: 1. Example: `2`."""
    gpu: Annotated[float, Field(ge=0, le=64)] = 0
    """GPUs; fractions below 1 pack several trials on one. Default: 0. Example: `0.5`."""
    memory: Quantity | None = None
    """Memory, as a Kubernetes quantity of bytes. Default: no limit. Example: `2Gi`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "cpu",
            "must be at least 0.1",
            "self.cpu >= 0.1",
            lambda r: r.cpu >= 0.1,
        ),
        Rule(
            "gpu",
            "must be a whole number when it is greater than 1",
            "self.gpu <= 1.0 || self.gpu == double(int(self.gpu))",
            lambda r: r.gpu <= 1 or float(r.gpu).is_integer(),
        ),
    )


class Source(ApiModel):
    """Where the trial's code comes from when it is not in the image."""

    config_map: Name
    """ConfigMap whose keys become files in the trial's import path and working directory. Example: `digits-train`."""


class MetricsSource(StrEnum):
    """Where a `command` leaves its metrics."""

    STDOUT = "Stdout"
    FILE = "File"


Attribute = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$")]
Argument = Annotated[str, Field(max_length=4096)]


class Trial(ApiModel):
    """What one trial runs."""

    function: Attribute | None = None
    """A Ray Tune trainable as `module:attribute`: a function or a Trainable class, unchanged.
    Default: none; `command` instead. Example: `train:train`."""
    command: Annotated[AtomicList[Argument], Field(min_length=1, max_length=64)] | None = None
    """Any program; `$(name)` becomes the parameter's value. Default: none; `function` instead.
    Example: `[python, train.py, --lr=$(lr)]`."""
    metrics_from: MetricsSource = MetricsSource.STDOUT
    """Where a command leaves its metrics: `name=value` or JSON lines on Stdout, or such lines in `metricsFile`.
    Default: Stdout. Example: `File`."""
    metrics_file: Annotated[str, Field(max_length=253, pattern=r"^[^/].*$")] | None = None
    """File, relative to the trial's working directory, that a command appends metrics to.
    Default: none; `metricsFrom: File` needs it. Example: `metrics.jsonl`."""
    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Image of driver and workers. Default: the trial image that the operator was installed with.
    Example: `example.org/team/train:1.4`."""
    source: Source | None = None
    """Code from a ConfigMap. Default: code is in the image. Example: `{configMap: digits-train}`."""
    resources: Resources = Resources()
    """What one trial takes. Default: 1 CPU. Example: `{cpu: 2, gpu: 0.5, memory: 4Gi}`."""
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """Times a failed trial goes on from its last checkpoint before it counts as failed. Default: 0.
    Example: `2`."""
    retry_policy: Annotated[list[RetryRule], Field(max_length=16, json_schema_extra=keyed_by("cause"))] = []
    """What follows each class of failure. Default: OutOfMemory, CudaOutOfMemory and NotFinite make a trial Infeasible;
    Exception, ExitCode and Hang are a counted Retry; NoResult is Fail; every other class is RetryFree.
    Example: `[{cause: OutOfMemory, action: Retry}]`."""
    hang_timeout_seconds: Annotated[int, Field(ge=5, le=604_800)] | None = None
    """Seconds without a report after which a trial's run is ended as a Hang. Default: never.
    Example: `900`."""
    checkpoint_interval: Iterations = 1
    """Iterations between two checkpoints of a Trainable class (a function saves when it reports one).
    Default: 1. Example: `5`."""
    report_timeout_seconds: Annotated[int, Field(ge=5, le=604_800)] = 600
    """Seconds without any result after which the experiment is shown as Stalled. Default: 600.
    Example: `1800`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "function",
            "must be set when `command` is not, and only then",
            "has(self.function) != has(self.command)",
            lambda t: (t.function is None) != (t.command is None),
        ),
        Rule(
            "metricsFile",
            "must be set when `metricsFrom` is File, and only then",
            "has(self.metricsFile) == (self.metricsFrom == 'File')",
            lambda t: (t.metrics_file is not None) == (t.metrics_from is MetricsSource.FILE),
        ),
        Rule(
            "metricsFrom",
            "may be File only for a `command`",
            "self.metricsFrom == 'Stdout' || has(self.command)",
            lambda t: t.metrics_from is MetricsSource.STDOUT or t.command is not None,
        ),
    )


class Workers(ApiModel):
    """The GPU trial pods; their number follows the trials that run or wait."""

    min: Annotated[int, Field(ge=0, le=1000)] = 0
    """Worker pods at least while the search runs, kept warm though no trial waits. Default: 0. Example: `1`."""
    max: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Worker pods at most; 0 runs the trials in the driver pod. Default: as many as `parallelTrials` needs.
    Example: `4`."""
    trials_per_worker: Annotated[int, Field(ge=1, le=64)] = 1
    """Trials that share a worker pod; with 1 the pod's memory limit is the trial's. Default: 1.
    Example: `2`."""
    template: Annotated[dict[str, Any], Field(json_schema_extra=OPEN)] | None = None
    """PodTemplateSpec merged into each worker pod: node selectors, tolerations, resources and environment of the
    container `trial`. Default: none. Example: `{spec: {nodeSelector: {gpu: h100}}}`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "min",
            "must not be greater than `max`",
            "!has(self.max) || !has(self.min) || self.min <= self.max",
            lambda w: w.max is None or w.min <= w.max,
        ),
    )


class DriverMetrics(StrEnum):
    """How much a driver tells Prometheus."""

    NONE = "None"
    SUMMARY = "Summary"
    FULL = "Full"


class Driver(ApiModel):
    """The pod that runs the search."""

    metrics: DriverMetrics = DriverMetrics.SUMMARY
    """What the driver's own `/metrics` shows: None, Summary (the experiment), or Full (a hundred of its trials with
    metrics and parameters too). Default: Summary. Example: `Full`."""

    template: Annotated[dict[str, Any], Field(json_schema_extra=OPEN)] | None = None
    """PodTemplateSpec merged into the driver pod. Default: none.
    Example: `{spec: {priorityClassName: high}}`."""


class AccessMode(StrEnum):
    """Access mode of a volume claim that the operator makes."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class Storage(ApiModel):
    """Where ledger and checkpoints live; driver and workers must all reach it."""

    claim_name: Name | None = None
    """An existing PersistentVolumeClaim; it outlives the experiment. Default: the operator makes one that ends
    with the experiment. Example: `team-storage`."""
    size: Quantity = "1Gi"
    """Size of the claim that the operator makes. Default: 1Gi. Example: `50Gi`."""
    storage_class_name: Name | None = None
    """StorageClass of that claim. Default: the cluster's. Example: `nfs`."""
    access_mode: AccessMode = AccessMode.READ_WRITE_MANY
    """Access mode of that claim; ReadWriteOnce is enough on a single node. Default: ReadWriteMany.
    Example: `ReadWriteOnce`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "storageClassName",
            "may be set only when `claimName` is not",
            "!has(self.storageClassName) || !has(self.claimName)",
            lambda s: s.storage_class_name is None or s.claim_name is None,
        ),
    )


class Spec(ApiModel):
    """What to tune, how, and when to stop."""

    objectives: Annotated[list[Objective], Field(min_length=1, max_length=3, json_schema_extra=keyed_by("metric"))]
    """Metrics to optimise; the first is the primary one, several make a Pareto front.
    Example: `[{metric: accuracy, direction: Maximize}]`."""
    parameters: Annotated[list[Parameter], Field(min_length=1, max_length=64, json_schema_extra=keyed_by("name"))]
    """The search space. May not change once the experiment has started.
    Example: `[{name: lr, type: Double, min: 1e-5, max: 1.0, scale: Log}]`."""
    search: Search = Search()
    """How new trials' parameters are proposed. Default: Random. Example: `{algorithm: TPE, seed: 7}`."""
    scheduler: Scheduler | None = None
    """How running trials are stopped, paused or changed. Default: every trial runs to its end.
    Example: `{asha: {gracePeriod: 1}}`."""
    budget: Budget = Budget()
    """When the experiment ends. May be changed while it runs; raised after its end, the experiment goes on with all
    that was learnt and trained. Default: 10 trials, one at a time.
    Example: `{trials: 40, parallelTrials: 4, gpuHours: 8}`."""
    trial: Trial
    """What one trial runs. Example: `{function: train:train, resources: {gpu: 1}}`."""
    workers: Workers = Workers()
    """The GPU trial pods. Default: one for each parallel trial. Example: `{max: 4}`."""
    driver: Driver = Driver()
    """The pod that runs the search. Default: without a template.
    Example: `{template: {spec: {priorityClassName: high}}}`."""
    storage: Storage = Storage()
    """Where ledger and checkpoints live. Default: a claim of 1Gi that ends with the experiment.
    Example: `{size: 50Gi}`."""
    exports: Annotated[list[Export], Field(max_length=8, json_schema_extra=keyed_by("name"))] = []
    """Other tools that get trials and results, every few minutes and once the experiment has ended. A change counts
    from the next driver on. Default: none.
    Example: `[{name: tables, type: Files, formats: [CSV, Parquet]}]`."""
    suspend: bool = False
    """True stops the pods and keeps the checkpoints; false goes on. Default: false. Example: `true`."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    """Seconds after its end when the experiment is deleted. Default: never. Example: `86400`."""

    rules: ClassVar[tuple[Rule, ...]] = SPEC_RULES

    @property
    def scheduler_kind(self) -> SchedulerKind:
        """Which scheduler runs, `none` when the block is absent."""
        return self.scheduler.kind if self.scheduler else SchedulerKind.NONE

    @property
    def worker_count(self) -> int:
        """Worker pods that the budget's parallel trials need, at most `workers.max`."""
        needed = -(-self.budget.parallel_trials // self.workers.trials_per_worker)
        return needed if self.workers.max is None else min(needed, self.workers.max)


FROZEN_ONCE_STARTED = ("objectives", "parameters", "search", "scheduler", "trial", "driver", "workers", "storage")
"""Fields of the spec that may not change once `status.startTime` is set."""
