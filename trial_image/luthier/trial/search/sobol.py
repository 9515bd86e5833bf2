"""Sobol search: a scrambled low-discrepancy sequence (Sobol 1967; Owen 1998), so random search without clumps.

Drawn from SciPy directly: Optuna's QMCSampler takes its first trial from a plain random sampler and counts its
place in the sequence in the study, whereas here suggestion n is point n of the sequence and nothing else.
"""

from __future__ import annotations

from luthier.api.experiment import Spec
from luthier.trial.search.history import HistorySearcher
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import at


class SobolSearcher(HistorySearcher):
    """Suggestion n is point n of the sequence that the seed scrambles; one dimension a parameter."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        from scipy.stats import qmc  # type: ignore[import-untyped]  # takes seconds to load, which only Sobol should pay

        self._sequence = qmc.Sobol(len(spec.parameters), scramble=True, rng=spec.search.seed)

    def _propose(self, given: Values) -> Values:
        (place,) = self._sequence.random(1)
        values = {p.name: at(p, float(unit)) for p, unit in zip(self._space.parameters, place, strict=True)}
        return values | given

    def _accept(self, values: Values) -> None:
        self._sequence.fast_forward(1)
