"""Ray Tune's own search spaces, as parameters of a manifest."""

from __future__ import annotations

import pytest
from ray import tune

from luthier.cli.spaces import parameters_of

pytestmark = pytest.mark.ray


def test_tunes_domains_become_parameters_and_what_has_no_equal_is_said():
    parameters, notes = parameters_of(
        {
            "lr": tune.loguniform(1e-4, 1e-1),
            "drop": tune.quniform(0.0, 0.5, 0.1),
            "layers": tune.randint(1, 5),
            "units": tune.qrandint(16, 128, 16),
            "noise": tune.randn(0.0, 1.0),
            "act": tune.choice(["relu", "tanh"]),
            "batch": tune.grid_search([16, 32]),
            "inner": {"beta": tune.uniform(0.0, 0.9)},
            "rest": tune.sample_from(lambda spec: 3),
            "fixed": "yes",
        }
    )
    assert parameters == [
        {"name": "lr", "type": "Double", "min": 1e-4, "max": 1e-1, "scale": "Log"},
        {"name": "drop", "type": "Double", "min": 0.0, "max": 0.5, "step": 0.1},
        {"name": "layers", "type": "Integer", "min": 1, "max": 4},
        {"name": "units", "type": "Integer", "min": 16, "max": 128, "step": 16},
        {"name": "noise", "type": "Double", "min": -3.0, "max": 3.0},
        {"name": "act", "type": "Categorical", "values": ["relu", "tanh"]},
        {"name": "batch", "type": "Discrete", "numbers": [16, 32]},
        {"name": "inner.beta", "type": "Double", "min": 0.0, "max": 0.9},
        {"name": "fixed", "type": "Categorical", "values": ["yes"]},
    ]
    assert [note.split(":")[0] for note in notes] == ["noise", "batch", "inner", "rest", "fixed"]
