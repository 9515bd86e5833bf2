"""`spec.scheduler`: one block for each scheduler, of which exactly one is set.

The joint rules say what a scheduler needs of the rest of the spec.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import Field

from luthier.api.catalogue import SchedulerKind
from luthier.api.rules import EVERYWHERE_BUT_ADMISSION, OPEN, ApiModel, Rule, keyed_by

Iterations = Annotated[int, Field(ge=1, le=1_000_000)]
ReductionFactor = Annotated[int, Field(ge=2, le=16)]


class MedianStopping(ApiModel):
    """Stops a trial whose best value so far is worse than the median of the others' running averages."""

    grace_period: Iterations = 1
    """Iterations every trial may run. Default: 1. Example: `3`."""
    min_trials: Annotated[int, Field(ge=1, le=1000)] = 3
    """Other trials needed at the same iteration before one is stopped. Default: 3. Example: `5`."""


class Asha(ApiModel):
    """Asynchronous successive halving."""

    grace_period: Iterations = 1
    """Iterations of the first rung. Default: 1. Example: `2`."""
    reduction_factor: ReductionFactor = 3
    """The best 1/reductionFactor of a rung go on. Default: 3. Example: `4`."""
    brackets: Annotated[int, Field(ge=1, le=8)] = 1
    """Brackets; each starts its halving one rung later. Default: 1. Example: `2`."""


class Hyperband(ApiModel):
    """Brackets of synchronous successive halving up to `budget.iterationsPerTrial`."""

    reduction_factor: ReductionFactor = 3
    """The best 1/reductionFactor of a rung go on. Default: 3. Example: `4`."""


QUANTILE = Rule(
    "quantileFraction",
    "must be at least 0.01 and at most 0.5",
    "self.quantileFraction >= 0.01 && self.quantileFraction <= 0.5",
    lambda p: 0.01 <= p.quantile_fraction <= 0.5,
)


class Pbt(ApiModel):
    """Population based training; `budget.trials` is the population."""

    perturbation_interval: Iterations = 4
    """Iterations between two looks at a member. Default: 4. Example: `2`."""
    quantile_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    """The worst fraction copies from the best fraction. Default: 0.25. Example: `0.2`."""
    resample_probability: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Chance that a parameter is drawn anew instead of perturbed. Default: 0.25. Example: `0.5`."""

    rules: ClassVar[tuple[Rule, ...]] = (QUANTILE,)


class Pb2(ApiModel):
    """PBT whose explore step is a time-varying Gaussian-process bandit."""

    perturbation_interval: Iterations = 4
    """Iterations between two looks at a member. Default: 4. Example: `2`."""
    quantile_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    """The worst fraction copies from the best fraction. Default: 0.25. Example: `0.2`."""

    rules: ClassVar[tuple[Rule, ...]] = (QUANTILE,)


class Change(ApiModel):
    """Parameters that a trial goes on with from one of its iterations."""

    first_iteration: Annotated[int, Field(ge=2, le=1_000_000)]
    """First iteration, counted from 1, that is trained with the values. Example: `17`."""
    values: Annotated[dict[str, Any], Field(min_length=1, max_length=64, json_schema_extra=OPEN)]
    """Value by parameter name; parameters left out keep theirs. Example: `{lr: 0.04}`."""


class Replay(ApiModel):
    """Trains by a schedule of parameters, such as `luthier replay` prints.

    A trial begins with `search.initialPoints`.
    """

    schedule: Annotated[
        list[Change], Field(min_length=1, max_length=1000, json_schema_extra=keyed_by("firstIteration"))
    ]
    """What changes when. Example: `[{firstIteration: 17, values: {lr: 0.04}}]`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "schedule",
            "must be in ascending order of `firstIteration`",
            "self.schedule.map(c, c.firstIteration).isSorted()",
            lambda r: all(one.first_iteration <= other.first_iteration for one, other in pairwise(r.schedule)),
        ),
        Rule(
            "schedule",
            "may not repeat a `firstIteration`",
            EVERYWHERE_BUT_ADMISSION,  # listType map holds this at the API server
            lambda r: len({change.first_iteration for change in r.schedule}) == len(r.schedule),
        ),
    )


class Scheduler(ApiModel):
    """How running trials are stopped, paused or changed: exactly one block."""

    median_stopping: MedianStopping | None = None
    """Stops trials below the median. Default: none. Example: `{gracePeriod: 3}`."""
    asha: Asha | None = None
    """Asynchronous successive halving. Default: none. Example: `{gracePeriod: 1, reductionFactor: 3}`."""
    hyperband: Hyperband | None = None
    """Synchronous successive halving in brackets. Default: none. Example: `{reductionFactor: 3}`."""
    pbt: Pbt | None = None
    """Population based training. Default: none. Example: `{perturbationInterval: 2}`."""
    pb2: Pb2 | None = None
    """Population based bandits. Default: none. Example: `{perturbationInterval: 2}`."""
    replay: Replay | None = None
    """Training by a given schedule of parameters. Default: none.
    Example: `{schedule: [{firstIteration: 17, values: {lr: 0.04}}]}`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "",
            "exactly one of `medianStopping`, `asha`, `hyperband`, `pbt`, `pb2`, `replay` must be set",
            "[has(self.medianStopping), has(self.asha), has(self.hyperband), has(self.pbt), has(self.pb2), "
            "has(self.replay)].filter(b, b).size() == 1",
            lambda s: len(s.model_dump(exclude_none=True)) == 1,
        ),
    )

    @property
    def kind(self) -> SchedulerKind:
        """Which block is set."""
        (name,) = self.model_dump(exclude_none=True, by_alias=True)
        return SchedulerKind(name)
