"""Spaces of Ray Tune and Optuna become a manifest's parameters, or are refused with the reason."""

from __future__ import annotations

import optuna
import pytest
from ray import tune

from luthier.api.manifest import parse
from luthier.api.parameters import Parameter
from luthier.sdk import SpaceError, parameters_of
from luthier.sdk.tuning import document_of

DISTRIBUTIONS = optuna.distributions
EQUALS = {
    "uniform": (tune.uniform(0, 1), {"type": "Double", "min": 0, "max": 1}),
    "loguniform": (tune.loguniform(1e-4, 1), {"type": "Double", "min": 1e-4, "max": 1, "scale": "Log"}),
    "quniform": (tune.quniform(0, 1, 0.25), {"type": "Double", "min": 0, "max": 1, "step": 0.25}),
    "randint leaves the upper bound out": (tune.randint(1, 5), {"type": "Integer", "min": 1, "max": 4}),
    "qrandint does not": (tune.qrandint(2, 8, 2), {"type": "Integer", "min": 2, "max": 8, "step": 2}),
    "lograndint": (tune.lograndint(1, 101), {"type": "Integer", "min": 1, "max": 100, "scale": "Log"}),
    "choice of texts": (tune.choice(["sgd", "adam"]), {"type": "Categorical", "values": ["sgd", "adam"]}),
    "choice of numbers": (tune.choice([16, 32]), {"type": "Discrete", "numbers": [16, 32]}),
    "choice of truth values": (tune.choice([True, False]), {"type": "Boolean"}),
    "grid_search": (tune.grid_search([1, 2, 3]), {"type": "Discrete", "numbers": [1, 2, 3]}),
    "Optuna's floats": (
        DISTRIBUTIONS.FloatDistribution(0.5, 2, step=0.5),
        {"type": "Double", "min": 0.5, "max": 2.0, "step": 0.5},
    ),
    "Optuna's floats in orders of magnitude": (
        DISTRIBUTIONS.FloatDistribution(1e-5, 1e-1, log=True),
        {"type": "Double", "min": 1e-5, "max": 1e-1, "scale": "Log"},
    ),
    "Optuna's whole numbers": (DISTRIBUTIONS.IntDistribution(1, 9), {"type": "Integer", "min": 1, "max": 9}),
    "Optuna's choices": (
        DISTRIBUTIONS.CategoricalDistribution(("a", "b")),
        {"type": "Categorical", "values": ["a", "b"]},
    ),
    "Optuna's single value": (DISTRIBUTIONS.IntDistribution(4, 4), {"type": "Discrete", "numbers": [4]}),
    "a parameter as a manifest has it": (
        {"type": "Integer", "min": 1, "max": 3},
        {"type": "Integer", "min": 1, "max": 3},
    ),
    "a constant": ("relu", {"type": "Categorical", "values": ["relu"]}),
}
STRANGERS = {
    "a normal distribution": (tune.randn(0, 1), "normal distribution"),
    "code": (tune.sample_from(lambda: 1), "sample_from"),
    "a step on a log scale": (tune.qloguniform(1, 100, 1), "step on a logarithmic scale"),
    "mixed choices": (tune.choice(["a", 1]), "become text"),
    "a space within a space": ({"lr": tune.uniform(0, 1)}, "names with dots"),
    "no choice": (tune.choice([None]), "None"),
}


@pytest.mark.parametrize("what", EQUALS)
def test_a_domain_has_its_equal_and_the_manifest_takes_it(what: str) -> None:
    domain, parameter = EQUALS[what]
    assert parameters_of({"x": domain}) == [{"name": "x", **parameter}]
    more = {"search": {"algorithm": "Random"}}
    document = document_of(
        "m:f", parameters_of({"x": domain}), "loss", "min", name="n", trials=1, parallel=1, iterations=None, more=more
    )
    assert parse(document).spec.parameters[0].name == "x"


@pytest.mark.parametrize("what", STRANGERS)
def test_what_has_no_equal_is_refused_by_name_and_reason(what: str) -> None:
    domain, reason = STRANGERS[what]
    with pytest.raises(SpaceError, match=rf"x: .*{reason}"):
        parameters_of({"y": [1, 2], "x": domain})


def test_all_that_has_no_equal_is_said_at_once() -> None:
    with pytest.raises(SpaceError) as refused:
        parameters_of({"a": tune.randn(0, 1), "b": tune.uniform(0, 1), "c": [object()]})
    assert [problem[0] for problem in refused.value.problems] == ["a", "c"]


def test_a_parsed_parameter_is_taken_as_it_is() -> None:
    parameter = Parameter.model_validate({"name": "lr", "type": "Double", "min": 0.1, "max": 1.0})
    assert parameters_of({"rate": parameter}) == [
        {"name": "rate", "type": "Double", "min": 0.1, "max": 1.0, "scale": "Linear"}
    ]
