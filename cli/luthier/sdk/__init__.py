"""Luthier from Python: tune here or on a cluster, and open what any experiment has found.

from luthier.sdk import tune, load

result = tune(train, {"lr": ray.tune.loguniform(1e-4, 1e-1)}, "accuracy", mode="max", trials=16)
result.parameters
load("digits-pbt", namespace="team-a").dataframe()
"""

from luthier.sdk.loading import load
from luthier.sdk.result import Result
from luthier.sdk.spaces import SpaceError, parameters_of
from luthier.sdk.tuning import tune

__all__ = ["Result", "SpaceError", "load", "parameters_of", "tune"]
