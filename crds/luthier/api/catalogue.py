"""What each search algorithm and scheduler honours: the pages of truth that admission refuses by.

One table for the operator, the trial runtime, the documentation and the conformance suite.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Algorithm(StrEnum):
    """How new trials' parameters are proposed."""

    RANDOM = "Random"
    GRID = "Grid"
    SOBOL = "Sobol"
    TPE = "TPE"
    GP = "GP"
    CMAES = "CMAES"


class SchedulerKind(StrEnum):
    """How running trials are stopped, paused or changed; the values are the block names in `spec.scheduler`."""

    NONE = "none"
    MEDIAN_STOPPING = "medianStopping"
    ASHA = "asha"
    HYPERBAND = "hyperband"
    PBT = "pbt"
    PB2 = "pb2"
    REPLAY = "replay"


@dataclass(frozen=True)
class AlgorithmPage:
    """What one search algorithm honours."""

    algorithm: Algorithm
    summary: str
    source: str
    conditional: bool = True
    unordered: bool = True
    """Takes Categorical and Boolean parameters."""
    continuous: bool = True
    """Takes Double parameters without `step`, and `scale: Log`."""
    max_objectives: int = 3
    finite: bool = False
    """Ends by itself when the space is exhausted."""
    needs_torch: bool = False
    startup_trials: bool = False
    """Honours `settings.startupTrials`."""
    population_size: bool = False
    """Honours `settings.populationSize`."""


@dataclass(frozen=True)
class SchedulerPage:
    """What one scheduler needs and honours."""

    kind: SchedulerKind
    summary: str
    source: str
    needs_checkpoints: bool
    """Pauses or copies trials, so the trainable must save checkpoints."""
    needs_iterations: bool
    """Needs `budget.iterationsPerTrial`."""
    min_parallel: int = 1
    max_objectives: int = 1
    only_ranged: bool = False
    """Only Double and Integer parameters, none conditional."""


ALGORITHMS: dict[Algorithm, AlgorithmPage] = {
    page.algorithm: page
    for page in (
        AlgorithmPage(
            Algorithm.RANDOM,
            "Independent uniform (or log-uniform) draws.",
            "Bergstra & Bengio 2012; drawn with NumPy",
        ),
        AlgorithmPage(
            Algorithm.GRID,
            "Every combination once; Double parameters need `step`.",
            "the product of all values, spread by the golden ratio (Korobov 1959)",
            conditional=False,
            continuous=False,
            finite=True,
        ),
        AlgorithmPage(
            Algorithm.SOBOL,
            "Scrambled Sobol sequence: random search without clumps.",
            "Sobol 1967; SciPy's scrambled sequence",
            conditional=False,
        ),
        AlgorithmPage(
            Algorithm.TPE,
            "Tree-structured Parzen estimator.",
            "Bergstra et al. 2011; Optuna TPESampler",
            startup_trials=True,
        ),
        AlgorithmPage(
            Algorithm.GP,
            "Gaussian-process Bayesian optimisation.",
            "Optuna GPSampler",
            conditional=False,
            needs_torch=True,
            startup_trials=True,
        ),
        AlgorithmPage(
            Algorithm.CMAES,
            "Covariance matrix adaptation evolution strategy.",
            "Hansen & Ostermeier 2001; Optuna CmaEsSampler",
            conditional=False,
            unordered=False,
            max_objectives=1,
            startup_trials=True,
            population_size=True,
        ),
    )
}

SCHEDULERS: dict[SchedulerKind, SchedulerPage] = {
    page.kind: page
    for page in (
        SchedulerPage(SchedulerKind.NONE, "Every trial runs to its end.", "-", False, False, max_objectives=3),
        SchedulerPage(
            SchedulerKind.MEDIAN_STOPPING,
            "Stops a trial whose best value is worse than the median of the others' running averages.",
            "Golovin et al. 2017 (Vizier)",
            False,
            False,
        ),
        SchedulerPage(
            SchedulerKind.ASHA,
            "Asynchronous successive halving: at each rung only the best 1/reductionFactor go on.",
            "Li et al. 2020",
            False,
            True,
        ),
        SchedulerPage(
            SchedulerKind.HYPERBAND,
            "Brackets of synchronous successive halving; trials wait paused at each rung.",
            "Li et al. 2016",
            True,
            True,
        ),
        SchedulerPage(
            SchedulerKind.PBT,
            "Losers copy a winner's weights and perturb its parameters while training goes on.",
            "Jaderberg et al. 2017",
            True,
            True,
            min_parallel=2,
        ),
        SchedulerPage(
            SchedulerKind.PB2,
            "PBT whose explore step is a time-varying Gaussian-process bandit.",
            "Parker-Holder et al. 2020",
            True,
            True,
            min_parallel=2,
            only_ranged=True,
        ),
        SchedulerPage(
            SchedulerKind.REPLAY,
            "Changes a trial's parameters at given iterations, by the schedule that another's weights lived through.",
            "Jaderberg et al. 2017; Ray Tune's PopulationBasedTrainingReplay does the same",
            True,
            True,
            max_objectives=3,
        ),
    )
}
