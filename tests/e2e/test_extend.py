"""A finished experiment goes on with a raised budget; one made again under its name begins from nothing."""

from __future__ import annotations

from luthier.api import keys
from support.e2e_manifests import steady
from support.e2e_place import Place, condition
from support.e2e_wait import until

ASHA = {"asha": {"gracePeriod": 2, "reductionFactor": 3}}


def test_a_finished_experiment_goes_on_with_more_and_deeper_trials_and_another_of_its_name_begins_anew(
    place: Place,
) -> None:
    place.apply(steady("longer", pause=0.05, budget={"trials": 2, "iterationsPerTrial": 6}))
    place.apply(steady("halving", pause=0.05, scheduler=ASHA, budget={"trials": 3, "iterationsPerTrial": 6}))
    place.wait_for("longer", "Succeeded")
    place.wait_for("halving", "Succeeded")

    place.patch("longer", {"budget": {"trials": 4, "iterationsPerTrial": 10}})
    place.patch("halving", {"budget": {"iterationsPerTrial": 18}})
    for name in ("longer", "halving"):
        until(f"{name} goes on", lambda name=name: place.status(name)["attempt"] == 2 or None, within=30)
    status = place.wait_for("longer", "Succeeded")
    halved = place.wait_for("halving", "Succeeded")

    assert (status["trials"]["succeeded"], status["trials"]["total"], status.get("restarts", 0)) == (4, 4, 0)
    book = place.ledger("longer")
    assert book.results_more_than_once() == []
    assert {trial: len(book.of("result", trial)) for trial in book.trials} == dict.fromkeys(book.trials, 10)
    assert all(record["metrics"]["count"] == record["iteration"] for record in book.of("result")), "from its own state"
    assert [record["iteration"] for record in book.after_attempt(2).of("run")] == [6, 6, 0, 0]

    assert condition(halved, "Succeeded")["reason"] == "TrialsDone"
    rest = place.ledger("halving").after_attempt(2)
    assert rest.of("run")
    assert {record["iteration"] for record in rest.of("run")} == {6}, "complete ones go on from their checkpoints"
    assert max(record["iteration"] for record in rest.of("result")) == 18

    check_that_another_of_its_name_begins_anew(place, "longer")


def check_that_another_of_its_name_begins_anew(place: Place, name: str) -> None:
    """The old one's driver pod and claim may still be on their way out."""
    old = place.experiment(name)["metadata"]["uid"]
    place.delete(name)
    until("it is gone", lambda: name not in place.kubectl("get", keys.PLURAL, "--output=name") or None, within=20)
    place.apply(steady(name, pause=0.05, budget={"trials": 2, "iterationsPerTrial": 3}))
    status = place.wait_for(name, "Succeeded")

    assert place.experiment(name)["metadata"]["uid"] != old
    assert (status["attempt"], status["trials"]["succeeded"], status["trials"]["total"]) == (1, 2, 2)
    until("the old claim is gone", lambda: len(place.objects("persistentvolumeclaims")) == 2 or None, within=60)
    assert len(place.ledger(name).of("result")) == 6
