"""What a program is told of its trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from luthier.trial.command import environment, fill_in
from luthier.trial.trial_state import run_name, trial_of

VALUES = {"lr": 0.01, "layers": 3, "optimizer": "adam w", "nesterov": True, "tiny": 1e-5}


@pytest.mark.parametrize(
    ("argument", "filled"),
    [
        ("--lr=$(lr)", "--lr=0.01"),
        ("$(layers)", "3"),
        ("$(lr),$(layers)", "0.01,3"),
        ("--opt=$(optimizer)", "--opt=adam w"),
        ("--nesterov=$(nesterov)", "--nesterov=true"),
        ("$(tiny)", "1e-05"),
        ("$(unknown)", "$(unknown)"),
        ("$lr ${lr} $(", "$lr ${lr} $("),
        ("$(lr", "$(lr"),
        ("$()", "$()"),
        ("$($(lr))", "$(0.01)"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_reference_becomes_the_value_and_anything_else_stays(argument, filled):
    assert fill_in([argument], VALUES) == [filled]


def test_arguments_stay_apart_whatever_their_values_hold():
    assert fill_in(["train", "$(a)", "$(b)"], {"a": "x; rm -rf /", "b": "$(a)"}) == ["train", "x; rm -rf /", "$(a)"]


def test_the_environment_names_the_trial_its_parameters_and_their_file():
    assert environment({"lr": 0.01, "nesterov": False}, Path("/run"), "t0003") == {
        "LUTHIER_PARAM_lr": "0.01",
        "LUTHIER_PARAM_nesterov": "false",
        "LUTHIER_TRIAL": "t0003",
        "LUTHIER_PARAMETERS_FILE": "/run/parameters.json",
    }


@pytest.mark.parametrize("trial", ["t0000", "t12345", "a_b"])
def test_a_runs_name_holds_its_trials(trial):
    assert trial_of(run_name(trial, 12, 345)) == trial
