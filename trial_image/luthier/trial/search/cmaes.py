"""CMA-ES: covariance matrix adaptation (Hansen & Ostermeier 2001), Optuna's CmaEsSampler.

It keeps its distribution beside the trials of the study, so a restored searcher asks again for every suggestion of the
history (a millisecond each).
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, CmaEsSampler

from luthier.api.experiment import Spec
from luthier.trial.search.model import ModelSearcher


def cmaes_searcher(spec: Spec) -> ModelSearcher:
    """Build the searcher of a spec."""

    def sampler(seed: int) -> BaseSampler:
        return CmaEsSampler(
            seed=seed,
            n_startup_trials=spec.search.settings.startup_trials or 1,
            popsize=spec.search.settings.population_size,
            warn_independent_sampling=False,
        )

    return ModelSearcher(spec, sampler, replays=True)
