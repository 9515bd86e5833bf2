"""Schedulers: `build` gives the one that a spec asks for."""

from __future__ import annotations

from luthier.api.experiment import Spec
from luthier.trial.schedulers.asha import AshaScheduler
from luthier.trial.schedulers.fifo import FifoScheduler
from luthier.trial.schedulers.hyperband import HyperbandScheduler
from luthier.trial.schedulers.median import MedianStoppingScheduler
from luthier.trial.schedulers.pb2 import Pb2Scheduler
from luthier.trial.schedulers.pbt import PbtScheduler
from luthier.trial.schedulers.replay import ReplayScheduler
from luthier.trial.schedulers.scheduler import Scheduler
from luthier.trial.search.space import Space


def build(spec: Spec) -> Scheduler:
    """Return a fresh scheduler for a spec."""
    blocks = spec.scheduler
    if blocks is None:
        return FifoScheduler()
    if median := blocks.median_stopping:
        return MedianStoppingScheduler(grace_period=median.grace_period, min_trials=median.min_trials)
    if asha := blocks.asha:
        return AshaScheduler(
            grace_period=asha.grace_period,
            reduction_factor=asha.reduction_factor,
            brackets=asha.brackets,
            iterations=_iterations(spec),
            seed=spec.search.seed,
        )
    if hyperband := blocks.hyperband:
        return HyperbandScheduler(reduction_factor=hyperband.reduction_factor, iterations=_iterations(spec))
    if replay := blocks.replay:
        _iterations(spec)
        return ReplayScheduler(Space(spec.parameters), replay.schedule)
    return _population(spec)


def _population(spec: Spec) -> Scheduler:
    space = Space(spec.parameters)
    if spec.scheduler and (pbt := spec.scheduler.pbt):
        return PbtScheduler(
            space,
            interval=pbt.perturbation_interval,
            quantile_fraction=pbt.quantile_fraction,
            resample_probability=pbt.resample_probability,
            iterations=_iterations(spec),
            seed=spec.search.seed,
        )
    if spec.scheduler and (pb2 := spec.scheduler.pb2):
        return Pb2Scheduler(
            space,
            interval=pb2.perturbation_interval,
            quantile_fraction=pb2.quantile_fraction,
            iterations=_iterations(spec),
            seed=spec.search.seed,
        )
    raise ValueError(f"no scheduler is built for {spec.scheduler_kind}")


def _iterations(spec: Spec) -> int:
    if spec.budget.iterations_per_trial is None:
        raise ValueError(f"{spec.scheduler_kind} needs `budget.iterationsPerTrial`")
    return spec.budget.iterations_per_trial
