"""The call from Python: what manifest it makes, what it refuses, how code reaches the trials."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import luthier.sdk
from luthier.cli.errors import Refusal
from luthier.sdk import tune
from luthier.sdk.code import HANDED, as_file, by_name
from luthier.sdk.tuning import document_of
from support import trainables

MODULES = [f"luthier.sdk.{module.name}" for module in pkgutil.iter_modules(luthier.sdk.__path__)]


def manifest(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"name": "n", "trials": 4, "parallel": 2, "iterations": 5, "more": {}}
    return document_of("m:f", [{"name": "x"}], "loss", "min", **{**given, **changes})["spec"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_documentation_are_true(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_a_call_is_a_manifest() -> None:
    assert manifest() == {
        "objectives": [{"metric": "loss", "direction": "Minimize"}],
        "parameters": [{"name": "x"}],
        "budget": {"trials": 4, "parallelTrials": 2, "iterationsPerTrial": 5},
        "trial": {"function": "m:f"},
    }


def test_more_of_the_spec_is_merged_in_and_wins() -> None:
    spec = manifest(more={"budget": {"trials": 9, "gpuHours": 1}, "scheduler": {"asha": {}}})
    assert spec["budget"] == {"trials": 9, "parallelTrials": 2, "iterationsPerTrial": 5, "gpuHours": 1}
    assert spec["scheduler"] == {"asha": {}}


def test_a_broken_rule_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        tune("m:f", {"x": [1]}, "loss", mode="min", trials=0, directory=tmp_path / "never")
    assert "budget.trials" in str(refused.value)
    assert not (tmp_path / "never").exists()


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(Refusal, match="mode: 'maximum'"):
        document_of("m:f", [], "loss", "maximum", name="n", trials=1, parallel=1, iterations=None, more={})


def test_a_function_that_can_be_imported_goes_by_its_name_and_any_other_by_hand() -> None:
    assert by_name(trainables.quadratic) == "support.trainables:quadratic"
    assert by_name("module:attribute") == "module:attribute"
    assert by_name(lambda config: None) == f"{HANDED}:train"


def test_the_file_of_a_function_goes_to_the_cluster() -> None:
    function, file = as_file(trainables.quadratic)
    assert function == "trainables:quadratic"
    assert file is not None
    assert (file.name, "def quadratic" in file.text) == ("trainables.py", True)
    assert as_file("module:attribute") == ("module:attribute", None)


def test_what_is_in_no_file_of_its_own_cannot_go_to_the_cluster() -> None:
    def local(config: Any) -> None: ...

    with pytest.raises(Refusal, match="is in no file that could go to the cluster"):
        as_file(local)
