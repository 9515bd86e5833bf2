"""The direction of bench/pbt_ratio.py's figure, on its toy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def bench():
    path = Path(__file__).parents[3] / "bench" / "pbt_ratio.py"
    source = importlib.util.spec_from_file_location("pbt_ratio", path)
    module = sys.modules["pbt_ratio"] = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    return module


def test_exploitation_beats_the_same_trials_without_it(bench):
    found = [bench.compare(bench.toy_spec(), seed, bench.toy_step) for seed in range(1, 11)]
    assert all(comparison.exploits > 0 for comparison in found)
    assert bench.geometric_mean(found) < 0.8
    assert sum(comparison.ratio < 1 for comparison in found) >= 8


def test_the_comparison_repeats_exactly(bench):
    assert bench.compare(bench.toy_spec(), 3, bench.toy_step) == bench.compare(bench.toy_spec(), 3, bench.toy_step)
