"""The time-varying Gaussian-process bandit that PB2 explores with.

Parker-Holder, Nguyen & Roberts 2020, "Provably Efficient Online Hyperparameter Optimization with Population-Based
Bandits" (arXiv 2002.02518); the kernel is Bogunovic, Scarlett & Cevher 2016, "Time-Varying Gaussian Process Bandit
Optimization". As in the authors' code, the score before an interval is a further coordinate of its place.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel, WhiteKernel
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Floats = NDArray[np.float64]

DATA_LIMIT = 200
"""Latest intervals that the model sees; fitting takes their number cubed."""
CANDIDATES = 1000
CONTEXT_COLUMNS = 2
"""Leading columns that are given, not chosen: time and score before."""
BETA_OFFSET, BETA_SLOPE = 0.2, 0.4
"""c1 and c2 of the paper's beta_t = c1 + log(c2 t)."""


class TimeVaryingKernel(Kernel):
    """Squared exponential in all columns but the first, times (1 - forgetting) ** (distance in the first / 2)."""

    def __init__(self, variance: float = 1.0, length: float = 1.0, forgetting: float = 0.1) -> None:
        self.variance = variance
        self.length = length
        self.forgetting = forgetting

    hyperparameter_variance = Hyperparameter("variance", "numeric", (1e-3, 1e3))
    hyperparameter_length = Hyperparameter("length", "numeric", (1e-2, 1e2))
    hyperparameter_forgetting = Hyperparameter("forgetting", "numeric", (1e-5, 0.5))

    def __call__(
        self,
        X: Floats,  # noqa: N803 - scikit-learn's name
        Y: Floats | None = None,  # noqa: N803
        eval_gradient: bool = False,
    ) -> Floats | tuple[Floats, Floats]:
        """Return the covariances of two sets of rows; on demand also the gradient by the log hyperparameters."""
        other = X if Y is None else Y
        lags = np.abs(X[:, None, 0] - other[None, :, 0])
        squares = np.square(X[:, None, 1:] - other[None, :, 1:]).sum(axis=2)
        covariance: Floats = self.variance * np.exp(-squares / self.length) * (1 - self.forgetting) ** (lags / 2)
        if not eval_gradient:
            return covariance
        by_forgetting = -covariance * lags / 2 * self.forgetting / (1 - self.forgetting)
        # scikit-learn orders hyperparameters by name: forgetting, length, variance
        return covariance, np.dstack([by_forgetting, covariance * squares / self.length, covariance])

    def diag(self, X: Floats) -> Floats:  # noqa: N803
        """Return the variances of rows."""
        return np.full(len(X), self.variance)

    def is_stationary(self) -> bool:
        """Tell that only differences of rows matter."""
        return True


def choose(rows: Floats, gains: Floats, context: Floats, running: Floats, generator: np.random.Generator) -> Floats:
    """Return the place in the unit cube with the highest upper confidence bound of the gain.

    Args:
        rows: one row an interval: time, score before it, and its place in the unit cube.
        gains: score change per iteration in each interval.
        context: time and score from which the chosen place will be used.
        running: places at which others train now; what is being tried there needs no second try.
        generator: draws the candidates.
    """
    rows, gains = rows[-DATA_LIMIT:], gains[-DATA_LIMIT:]
    low, high = rows[:, :CONTEXT_COLUMNS].min(axis=0), rows[:, :CONTEXT_COLUMNS].max(axis=0)
    width = np.maximum(high - low, 1e-8)
    scaled = np.hstack([(rows[:, :CONTEXT_COLUMNS] - low) / width, rows[:, CONTEXT_COLUMNS:]])
    here = np.clip((context - low) / width, -1.0, 2.0)
    targets = np.clip((gains - gains.mean()) / (gains.std() + 1e-8), -2.0, 2.0)
    candidates = generator.random((CANDIDATES, rows.shape[1] - CONTEXT_COLUMNS))
    asked = _with_context(here, candidates)
    with threadpool_limits(1):  # matrices this small lose by threads, and sums are the same on every machine
        model = _fitted(scaled, targets)
        mean = model.predict(asked)
        informed = _with_fake_results(model, scaled, targets, _with_context(here, running))
        _, deviation = informed.predict(asked, return_std=True)
    beta = BETA_OFFSET + max(0.0, math.log(BETA_SLOPE * len(rows)))
    best: Floats = candidates[int(np.argmax(mean + math.sqrt(beta) * deviation))]
    return best


def _fitted(rows: Floats, targets: Floats) -> GaussianProcessRegressor:
    kernel = TimeVaryingKernel() + WhiteKernel(0.1, (1e-4, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hyperparameter at its bound is no news to the user
        return GaussianProcessRegressor(kernel=kernel, alpha=1e-8).fit(rows, targets)


def _with_fake_results(
    model: GaussianProcessRegressor, rows: Floats, targets: Floats, running: Floats
) -> GaussianProcessRegressor:
    """Condition the model on the places now running too; the variance does not depend on the results it is given."""
    everything = np.vstack([rows, running])
    zeros = np.zeros(len(running))
    return GaussianProcessRegressor(kernel=model.kernel_, alpha=1e-8, optimizer=None).fit(
        everything, np.concatenate([targets, zeros])
    )


def _with_context(context: Floats, places: Floats) -> Floats:
    return np.hstack([np.tile(context, (len(places), 1)), places])
