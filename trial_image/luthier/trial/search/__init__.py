"""Search algorithms: `build` gives the one that a spec asks for."""

from __future__ import annotations

from collections.abc import Callable

from luthier.api.catalogue import Algorithm
from luthier.api.experiment import Spec
from luthier.trial.search.cmaes import cmaes_searcher
from luthier.trial.search.gp import gp_searcher
from luthier.trial.search.grid import GridSearcher
from luthier.trial.search.random import RandomSearcher
from luthier.trial.search.searcher import Searcher
from luthier.trial.search.sobol import SobolSearcher
from luthier.trial.search.tpe import tpe_searcher

BUILDERS: dict[Algorithm, Callable[[Spec], Searcher]] = {
    Algorithm.RANDOM: RandomSearcher,
    Algorithm.GRID: GridSearcher,
    Algorithm.SOBOL: SobolSearcher,
    Algorithm.TPE: tpe_searcher,
    Algorithm.GP: gp_searcher,
    Algorithm.CMAES: cmaes_searcher,
}


def build(spec: Spec) -> Searcher:
    """Return a fresh searcher for a spec.

    Raises:
        ModuleNotFoundError: the algorithm needs torch and it is missing.
    """
    return BUILDERS[spec.search.algorithm](spec)
