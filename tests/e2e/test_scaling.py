"""Worker pods are as many as trials run or wait: they go when nobody needs them and come when the budget is raised."""

from __future__ import annotations

import pytest

from luthier.api import keys
from support.e2e_manifests import steady
from support.e2e_place import Place
from support.e2e_wait import until

ITERATIONS = 200
QUICK, SLOW = 0.01, 0.2


@pytest.mark.alone  # a slow start is told as an event
def test_workers_go_when_no_trial_needs_them_and_come_when_the_budget_is_raised(place: Place) -> None:
    place.apply(
        steady(
            "scaled",
            parameters=[{"name": "pause", "type": "Discrete", "numbers": [QUICK, SLOW]}],
            search={
                "algorithm": "Random",
                "initialPoints": [{"values": {"pause": pause}} for pause in (QUICK, SLOW, QUICK)],
            },
            budget={"trials": 2, "parallelTrials": 2, "iterationsPerTrial": ITERATIONS},
            workers={"max": 2},
        )
    )
    until("both workers are there", lambda: len(place.pods(keys.ROLE_WORKER)) == 2, within=30)

    until("one worker is left", lambda: len(place.pods(keys.ROLE_WORKER)) == 1, within=90)
    assert place.status("scaled")["workers"]["desired"] == 1
    place.patch("scaled", {"budget": {"trials": 3}})
    until("the second is back", lambda: place.status("scaled")["workers"]["ready"] == 2, within=45)
    status = place.wait_for("scaled", "Succeeded")

    assert (status["trials"]["succeeded"], status["attempt"]) == (3, 1)
    assert status["failureCounts"] == {}, "to scale is no failure"
    assert [event["message"] for event in place.objects("events") if event["reason"] == "Unhealthy"] == []
    book = place.ledger("scaled")
    assert [len(book.of("run", trial)) for trial in book.trials] == [1, 1, 1], "no trial was interrupted"
    assert len(book.of("result")) == 3 * ITERATIONS
