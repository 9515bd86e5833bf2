"""An experiment ends when its budget is spent or its target reached, and trials that still run are stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from install import Installed
from luthier.api import keys
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, condition, has_failed
from support.e2e_relay import Relay, chosen
from support.e2e_wait import until

LONG = {"trials": 6, "iterationsPerTrial": 100_000}
TRIAL = steady("any")["spec"]["trial"]


@dataclass(frozen=True)
class Ending:
    """An experiment, and how it is to end."""

    name: str
    changes: dict[str, Json]
    condition: str
    reason: str
    counts: dict[str, int]
    """Trials by state in the end; states that are not named are 0."""
    message: str
    failures: set[str] = field(default_factory=set)


ENDINGS = {
    "the target is reached": Ending(
        "target",
        {"budget": LONG, "objectives": [{"metric": "count", "direction": "Maximize", "target": 8}]},
        "Succeeded",
        "TargetReached",
        {"total": 6, "stopped": 2},
        "reached count 8 (target 8)",
    ),
    "its seconds are spent": Ending(
        "seconds",
        {"budget": LONG | {"durationSeconds": 15}},
        "Succeeded",
        "DurationReached",
        {"total": 6, "stopped": 2},
        "15 seconds are spent",
    ),
    "its GPU-hours are spent": Ending(
        "gpu-hours",
        {"budget": LONG | {"gpuHours": 0.008}, "trial": TRIAL | {"resources": {"cpu": 0.1, "gpu": 1}}},
        "Succeeded",
        "GpuHoursReached",
        {"total": 6, "stopped": 2},
        "0.008 GPU-hours are spent",
    ),
    "too many trials failed": Ending(
        "failures",
        {
            "budget": {"parallelTrials": 1, "failedTrials": 1},
            "trial": TRIAL | {"function": "steady:Failing"},
        },
        "Failed",
        "TooManyFailures",
        {"total": 4, "failed": 2},
        "the data set is on strike",
        {"Exception"},
    ),
}


@pytest.fixture(scope="module")
def relay(installed: Installed, request: pytest.FixtureRequest) -> Iterator[Relay[Ending]]:
    rows = [(ending.name, ending) for ending in chosen(request, "ending")]
    made = Relay(installed, rows, lambda place, ending: place.apply(steady(ending.name, **ending.changes)))
    yield made
    made.close()


class TestAnExperimentEnds:
    @pytest.fixture
    def place(self, relay: Relay[Ending], ending: Ending, request: pytest.FixtureRequest) -> Iterator[Place]:
        made = relay.take(ending.name, ahead=1)
        yield made
        if not has_failed(request.node):
            made.check_that_deletion_leaves_nothing()
        relay.leave(ending.name)

    @pytest.mark.parametrize("ending", [pytest.param(ending, id=sentence) for sentence, ending in ENDINGS.items()])
    def test_when(self, place: Place, ending: Ending) -> None:
        status = place.wait_for(ending.name, ending.condition)

        said = condition(status, ending.condition)
        assert (said["reason"], ending.message in said["message"]) == (ending.reason, True), said["message"]
        assert {state: number for state, number in status["trials"].items() if number} == ending.counts
        assert {failure["cause"] for failure in status.get("failures", [])} == ending.failures
        until("its driver has left", lambda: has_ended(place) or None, within=30)


def test_a_budget_that_is_raised_while_trials_run_is_spent_in_full(place: Place) -> None:
    place.apply(steady("raised", pause=0.15, budget={"trials": 2, "iterationsPerTrial": 30}))
    place.wait_for_iterations("raised", 5)

    place.patch("raised", {"budget": {"trials": 5, "iterationsPerTrial": 35}})
    status = place.wait_for("raised", "Succeeded")

    assert status["trials"]["succeeded"] == status["trials"]["total"] == 5
    assert len(place.ledger("raised").of("result")) == 5 * 35
    assert (status["attempt"], status["observedGeneration"]) == (1, 2)


def has_ended(place: Place) -> bool:
    (driver,) = place.pods(keys.ROLE_DRIVER)
    return driver["status"].get("phase") == "Succeeded"
