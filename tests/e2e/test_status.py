"""Status keeps up, and tells the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from luthier.api import keys
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, condition, moment
from support.e2e_watch import Sights

WITHIN_SECONDS = 2.0
NAME = "watched"


@pytest.mark.alone
def test_a_change_of_spec_or_progress_is_in_status_within_two_seconds(place: Place) -> None:
    with place.watch(keys.PLURAL) as sights:
        place.apply(steady(NAME, pause=0.15, budget={"trials": 6, "parallelTrials": 1, "iterationsPerTrial": 10}))
        place.wait_for(NAME, "Running")
        asked = moment()
        place.patch(NAME, {"suspend": True})
        place.wait_for(NAME, "Suspended", within=20)
        place.patch(NAME, {"suspend": False})
        place.wait_for(NAME, "Succeeded")

    suspension = first(sights, lambda status: condition(status, "Suspended")["status"] == "True") - asked
    ends = [record["time"] for record in place.ledger(NAME).of("result") if record["decision"] == "Complete"]
    progress = [
        first(sights, lambda status, number=number: status.get("trials", {}).get("succeeded", 0) >= number) - time
        for number, time in enumerate(ends, start=1)
    ]
    measured = f"suspension: {suspension:.2f} s; ends of trials: {', '.join(f'{late:.2f}' for late in progress)} s"
    print(measured)  # noqa: T201  # the figure is asked for
    assert suspension < WITHIN_SECONDS
    assert max(progress) < WITHIN_SECONDS


def test_only_trials_that_hold_a_worker_run_and_cost(place: Place) -> None:
    with place.watch(keys.PLURAL) as sights:
        place.apply(steady(NAME, pause=0.15, budget={"trials": 2, "parallelTrials": 2}, workers={"max": 1}))
        usage = place.wait_for(NAME, "Succeeded")["usage"]

    assert max(sight.object.get("status", {}).get("trials", {}).get("running", 0) for sight in sights.of(NAME)) == 1
    assert usage["trialSeconds"] <= usage["runningSeconds"]


def first(sights: Sights, holds: Callable[[Json], bool]) -> float:
    """Return when a status was first seen for which this holds."""
    return next(sight.time for sight in sights.of(NAME) if holds(sight.object.get("status", {})))


def test_code_that_cannot_be_imported_is_told_in_a_sentence(place: Place) -> None:
    manifest = steady("nowhere", workers={"max": 0})
    manifest["spec"]["trial"]["function"] = "nowhere:train"
    place.apply(manifest)

    failed = condition(place.wait_for("nowhere", "Failed"), "Failed")

    assert failed["reason"] == "BadExperiment"
    said = "trial.function: nowhere:train: import of nowhere failed: ModuleNotFoundError: No module named 'nowhere'"
    assert failed["message"] == said
