"""GP passes the contract of all searchers, in an image with torch."""

from __future__ import annotations

import statistics

import pytest

from conformance.searchers import ContinuousContract, SearcherContract
from luthier.trial.search import build
from luthier.trial.search.searcher import Ended, Ending
from support.builders import a_double, a_spec

pytestmark = pytest.mark.torch


class TestGp(SearcherContract, ContinuousContract):
    algorithm = "GP"
    trials = 10
    settings = {"startupTrials": 4}


def test_gp_beats_random_search_on_a_quadratic() -> None:
    def best(algorithm: str, seed: int) -> float:
        spec = a_spec(
            a_double("x", -1, 1), a_double("y", -1, 1), algorithm=algorithm, seed=seed, directions=("Minimize",)
        )
        searcher, losses = build(spec), []
        for number in range(16):
            values = searcher.suggest(f"t{number}") or {}
            losses.append((float(values["x"]) - 0.3) ** 2 + (float(values["y"]) + 0.2) ** 2)
            searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (losses[-1],)))
        return min(losses)

    medians = {name: statistics.median(best(name, seed) for seed in range(3)) for name in ("GP", "Random")}
    assert medians["GP"] < medians["Random"] / 4


def test_startup_trials_are_random_and_no_more_than_asked_for() -> None:
    def sixth(startup: int) -> object:
        searcher = build(a_spec(a_double(), algorithm="GP", settings={"startupTrials": startup}))
        for number in range(5):
            x = float((searcher.suggest(f"t{number}") or {})["x"])
            searcher.observe(f"t{number}", Ended(Ending.COMPLETED, 1, (-abs(x - 0.4),)))
        return searcher.suggest("t5")

    assert sixth(5) != sixth(6) == sixth(20)
