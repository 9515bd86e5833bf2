"""Every example, applied as its first line says, ends as its manifest promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from install import Installed
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_manifests import bowl
from support.e2e_place import Json, Place, has_failed
from support.e2e_relay import Relay, chosen
from target import TORCH

Check = Callable[[LedgerBook], None]


def every_trial_reports(times: int) -> Check:
    def check(book: LedgerBook) -> None:
        counts = Counter(record["trial"] for record in book.of("result"))
        assert set(counts.values()) == {times}

    return check


def most_trials_end_early(book: LedgerBook) -> None:
    counts = Counter(record["trial"] for record in book.of("result"))
    full = 27
    assert max(counts.values()) == full
    assert sum(counts.values()) < 12 * full * 0.7
    assert {count for count in counts.values() if count < full} <= {3, 9}, "trials end only at the rungs"


def momentum_is_there_only_with_sgd(book: LedgerBook) -> None:
    drawn = [record["values"] for record in book.of("trial")]
    assert {values["optimizer"] for values in drawn} == {"sgd", "adam"}
    assert all(("momentum" in values) == (values["optimizer"] == "sgd") for values in drawn)


@dataclass(frozen=True)
class Example:
    """An example and what it promises."""

    name: str
    trials: int
    between: tuple[float, float]
    """Where the best value lies."""
    check: Check
    stops_early: bool = False


GP = "gp-search"
EXAMPLES = (
    Example("quadratic", 8, (1.6639, 1.6640), every_trial_reports(5)),
    Example("command", 8, (0.0, 0.05), every_trial_reports(10)),
    Example("conditional", 12, (0.93, 1.0), momentum_is_there_only_with_sgd),
    Example("digits-asha", 12, (0.93, 1.0), most_trials_end_early, stops_early=True),
    Example("torch-digits", 4, (0.93, 1.0), every_trial_reports(10)),
    Example(GP, 15, (0.0, 0.02), every_trial_reports(1)),
)


def begin(place: Place, example: Example) -> None:
    if example.name == GP:
        place.apply(bowl(GP, place.cluster.target.reference(TORCH)))
    else:
        place.apply_example(example.name)


@pytest.fixture(scope="module")
def relay(installed: Installed, request: pytest.FixtureRequest) -> Iterator[Relay[Example]]:
    made = Relay(installed, [(e.name, e) for e in chosen(request, "example")], begin)
    yield made
    made.close()


@pytest.fixture
def place(relay: Relay[Example], example: Example, request: pytest.FixtureRequest) -> Iterator[Place]:
    made = relay.take(example.name, ahead=1)
    yield made
    if not has_failed(request.node):
        made.check_that_deletion_leaves_nothing()
    relay.leave(example.name)


@pytest.mark.parametrize("example", [pytest.param(example, id=example.name) for example in EXAMPLES])
def test_an_example_ends_as_its_manifest_promises(place: Place, example: Example) -> None:
    status = place.wait_for(example.name, "Succeeded")

    counts = status["trials"]
    assert counts["total"] == counts.get("succeeded", 0) + counts.get("stopped", 0) == example.trials
    assert (counts.get("stopped", 0) > 0) == example.stops_early
    best = float(status["bestValue"])
    assert example.between[0] <= best <= example.between[1]
    assert line_of(place, example.name)[:3] == [example.name, "Succeeded", f"{example.trials}/{example.trials}"]
    assert status.get("restarts", 0) == 0

    book = place.ledger(example.name)
    assert len(book.trials) == example.trials
    assert book.results_more_than_once() == []
    assert best_in(book, place.experiment(example.name)) == pytest.approx(best, rel=1e-5)
    example.check(book)


def line_of(place: Place, name: str) -> list[str]:
    return place.kubectl("get", keys.SHORT_NAME, name, "--no-headers").split()


def best_in(book: LedgerBook, experiment: Json) -> float:
    objective = experiment["spec"]["objectives"][0]
    values = [record["metrics"][objective["metric"]] for record in book.of("result")]
    return max(values) if objective["direction"] == "Maximize" else min(values)
