"""Every searcher of the catalogue that runs without torch passes the contract."""

from __future__ import annotations

from conformance.searchers import ContinuousContract, SearcherContract
from support.builders import RUNNABLE_ALGORITHMS


class TestRandom(SearcherContract, ContinuousContract):
    algorithm = "Random"


class TestGrid(SearcherContract):
    algorithm = "Grid"


class TestSobol(SearcherContract, ContinuousContract):
    algorithm = "Sobol"


class TestTpe(SearcherContract, ContinuousContract):
    algorithm = "TPE"


class TestCmaEs(SearcherContract, ContinuousContract):
    algorithm = "CMAES"


def test_no_algorithm_of_the_catalogue_is_left_out() -> None:
    tested = {contract.algorithm for contract in SearcherContract.__subclasses__()}
    assert tested == set(RUNNABLE_ALGORITHMS)
