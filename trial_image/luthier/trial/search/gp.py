"""GP: Gaussian-process Bayesian optimisation (log expected improvement or hypervolume), Optuna's GPSampler.

It needs torch, which the plain trial image leaves out: it is five gigabytes.
"""

from __future__ import annotations

from importlib.util import find_spec

from optuna.samplers import BaseSampler, GPSampler

from luthier.api.experiment import Spec
from luthier.trial.search.model import ModelSearcher

STARTUP_TRIALS = 10


def gp_searcher(spec: Spec) -> ModelSearcher:
    """Build the searcher of a spec; raise ModuleNotFoundError where torch is missing."""
    if find_spec("torch") is None:
        raise ModuleNotFoundError(
            "search.algorithm GP needs torch, which this image does not have: "
            "set trial.image to the trial image with torch, or use TPE",
            name="torch",
        )

    def sampler(seed: int) -> BaseSampler:
        return GPSampler(
            seed=seed,
            n_startup_trials=spec.search.settings.startup_trials or STARTUP_TRIALS,
            warn_independent_sampling=False,
        )

    return ModelSearcher(spec, sampler)
