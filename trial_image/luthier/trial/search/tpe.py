"""TPE: tree-structured Parzen estimator (Bergstra et al. 2011), Optuna's TPESampler.

Pending trials count as bad ones (constant liar), so that parallel suggestions spread. Parameters are modelled
jointly (Falkner et al. 2018); where some are conditional, jointly within each branch.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, TPESampler

from luthier.api.experiment import Spec
from luthier.trial.search.model import ModelSearcher

STARTUP_TRIALS = 10


def tpe_searcher(spec: Spec) -> ModelSearcher:
    """Build the searcher of a spec."""
    is_conditional = any(parameter.when is not None for parameter in spec.parameters)

    def sampler(seed: int) -> BaseSampler:
        return TPESampler(
            seed=seed,
            n_startup_trials=spec.search.settings.startup_trials or STARTUP_TRIALS,
            multivariate=True,
            group=is_conditional,
            constant_liar=True,
        )

    return ModelSearcher(spec, sampler, heeds_pruned=True)
