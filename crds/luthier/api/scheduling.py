"""`spec.scheduler`: one block for each scheduler, of which exactly one is set.

The joint rules say what a scheduler needs of the rest of the spec.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from luthier.api.catalogue import SchedulerKind
from luthier.api.rules import ApiModel, Rule

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

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "",
            "exactly one of `medianStopping`, `asha`, `hyperband`, `pbt`, `pb2` must be set",
            "[has(self.medianStopping), has(self.asha), has(self.hyperband), has(self.pbt), has(self.pb2)]"
            ".filter(b, b).size() == 1",
            lambda s: len(s.model_dump(exclude_none=True)) == 1,
        ),
    )

    @property
    def kind(self) -> SchedulerKind:
        """Which block is set."""
        (name,) = self.model_dump(exclude_none=True, by_alias=True)
        return SchedulerKind(name)
