"""Random search (Bergstra & Bengio 2012): independent draws, uniform on each parameter's scale."""

from __future__ import annotations

import numpy as np

from luthier.trial.search.history import HistorySearcher
from luthier.trial.search.searcher import Values


class RandomSearcher(HistorySearcher):
    """Draws forever; repeats are allowed."""

    def _propose(self, given: Values) -> Values:
        return self._space.sample(np.random.default_rng([self._seed, self._next]), given)
