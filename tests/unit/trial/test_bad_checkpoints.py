"""A checkpoint that is torn, damaged or gone costs what lies between it and the one before, and nothing else."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.api.catalogue import SchedulerKind
from luthier.trial.checkpoints import save, verify
from luthier.trial.errors import BadCheckpoint
from luthier.trial.schedulers.scheduler import Exploit
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.trial_state import Origin, State
from support.builders import a_block, a_double, a_spec
from support.studies import DrawnEngine, ToldStudy, picture


class Copies(StoppingScheduler):
    """Lets trials copy as it is told beforehand, and listens to what is lost."""

    def __init__(self, **exploits):
        self.exploits = exploits
        self.losses = []

    def report(self, trial, iteration, score, *, waiting):
        return self.exploits.get(f"{trial}_{iteration}") or super().report(trial, iteration, score, waiting=waiting)

    def lost(self, trial, last):
        self.losses.append((trial, last))


def copy_of(donor, iteration):
    return Exploit(donor, iteration, {"x": 0.5}, {"x": (0.1, 0.5)})


def a_study(*, scheduler=None, trials=1):
    spec = a_spec(a_double("x"), trials=trials, parallel=trials, iterations=None)
    return ToldStudy(spec, scheduler=scheduler).begins()


def trains(told, trial, iterations, *, saves=True, best=100):
    """Report so many iterations, saving at each; return the checkpoints."""
    paths = []
    for iteration in range(1, iterations + 1):
        told.reports(trial, -abs(iteration - best))
        paths += [told.saves(trial)] if saves else []
    return paths


def goes_on_from(told, trial):
    """Give slots until this trial has one; return what it was given to go on from."""
    while (started := told.starts()) != trial:
        assert started, f"{trial} can't start"
    return told.trials[trial].origin


def finds_it_torn(told, trial):
    told.fails(trial, "BadCheckpoint", f"{told.trials[trial].began_with} is torn")


def test_a_trial_goes_on_from_the_one_before_and_the_ledger_says_why():
    told = a_study()
    told.starts()
    first, second, third = trains(told, "t0000", 3, best=1)
    told.fails("t0000", "WorkerLost")
    assert goes_on_from(told, "t0000") == Origin(3, third)

    finds_it_torn(told, "t0000")

    assert goes_on_from(told, "t0000") == Origin(2, second)
    (dropped,) = told.of_kind("dropped")
    assert (dropped.checkpoint, dropped.reason) == (third, f"{third} is torn")
    assert told.of_kind("retry")[-1].cause == "BadCheckpoint"
    finds_it_torn(told, "t0000")
    assert goes_on_from(told, "t0000") == Origin(1, first)


def test_what_lies_between_is_repeated_and_counted_once():
    told = a_study()
    told.starts()
    trains(told, "t0000", 3)
    told.fails("t0000", "WorkerLost")
    goes_on_from(told, "t0000")
    finds_it_torn(told, "t0000")
    goes_on_from(told, "t0000")

    trains(told, "t0000", 2)

    assert [record.iteration for record in told.of_kind("result")] == [1, 2, 3, 4]
    assert [saved.iteration for saved in told.trials["t0000"].saved][-2:] == [3, 4]


def test_a_trial_without_a_good_one_begins_anew_and_is_not_to_blame():
    told = a_study()
    told.starts()
    trains(told, "t0000", 3)
    for _ in range(8):
        told.fails("t0000", "WorkerLost")
        if goes_on_from(told, "t0000") == Origin():
            break
        finds_it_torn(told, "t0000")

    assert told.trials["t0000"].origin == Origin()
    assert told.trials["t0000"].retries == 0
    assert told.state_of("t0000") is State.RUNNING


def a_loser_of(donor_saves, *, own_saves, scheduler=None):
    """t0001 is told at its second report to go on from what t0000 saved last."""
    told = a_study(scheduler=scheduler or Copies(t0001_2=copy_of("t0000", donor_saves)), trials=2)
    told.starts_all()
    donors = trains(told, "t0000", donor_saves)
    own = trains(told, "t0001", 1, saves=own_saves)
    told.reports("t0001", 0.0)
    told.lets_go("t0001")
    return told, donors, own


def test_a_loser_goes_on_from_what_its_donor_saved_before():
    told, donors, _ = a_loser_of(3, own_saves=True)
    assert goes_on_from(told, "t0001") == Origin(2, donors[2])

    finds_it_torn(told, "t0001")

    assert goes_on_from(told, "t0001") == Origin(2, donors[1])
    (copy,) = told.exploits
    assert (copy.exploit.donor_iteration, copy.exploit.checkpoint) == (2, donors[1])
    assert told.of_kind("dropped")[-1].trial == "t0000"


def test_a_loser_whose_donor_has_no_other_goes_on_from_its_own_and_did_not_copy():
    told, _, own = a_loser_of(1, own_saves=True)
    goes_on_from(told, "t0001")

    finds_it_torn(told, "t0001")

    assert goes_on_from(told, "t0001") == Origin(1, own[0])
    assert told.exploits == []


def test_a_loser_whose_donor_has_no_other_and_that_has_none_begins_anew():
    told, _, _ = a_loser_of(1, own_saves=False)
    goes_on_from(told, "t0001")
    finds_it_torn(told, "t0001")
    assert goes_on_from(told, "t0001") == Origin()


def test_a_loser_takes_no_weights_that_its_donor_had_given_up():
    scheduler = Copies(t0000_2=copy_of("t0002", 1), t0001_2=copy_of("t0000", 3))
    told = a_study(scheduler=scheduler, trials=3)
    told.starts_all()
    trains(told, "t0002", 1)
    trains(told, "t0000", 1)
    told.reports("t0000", 0.0)
    told.lets_go("t0000")
    goes_on_from(told, "t0000")
    trains(told, "t0000", 1)  # saved at 3, of the weights that it copied; what it has of 1 is older than those
    (own,) = trains(told, "t0001", 1)
    told.reports("t0001", 0.0)
    told.lets_go("t0001")
    goes_on_from(told, "t0001")

    finds_it_torn(told, "t0001")

    assert goes_on_from(told, "t0001") == Origin(1, own)


def test_two_losers_that_find_the_same_one_torn_drop_it_once():
    scheduler = Copies(t0001_1=copy_of("t0000", 2), t0002_1=copy_of("t0000", 2))
    told = a_study(scheduler=scheduler, trials=3)
    told.starts_all()
    donors = trains(told, "t0000", 2)
    for loser in ("t0001", "t0002"):
        told.reports(loser, 0.0)
        told.lets_go(loser)
    assert set(told.starts_all()) == {"t0001", "t0002"}

    finds_it_torn(told, "t0001")
    finds_it_torn(told, "t0002")

    assert [record.checkpoint for record in told.of_kind("dropped")] == [donors[1]]
    assert told.trials["t0001"].origin == told.trials["t0002"].origin == Origin(1, donors[0])


def test_the_scheduler_hears_what_is_left():
    scheduler = Copies(t0001_2=copy_of("t0000", 2))
    told, _, _ = a_loser_of(2, own_saves=True, scheduler=scheduler)
    goes_on_from(told, "t0001")
    finds_it_torn(told, "t0001")
    assert scheduler.losses == [("t0000", 1)]


@pytest.mark.parametrize("kind", [None, SchedulerKind.HYPERBAND, SchedulerKind.PBT], ids=str)
def test_whatever_subset_is_damaged_everyone_goes_on_from_its_newest_good_one(kind, tmp_path_factory):
    fallen_back = set()

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(st.integers(0, 2**32), st.data())
    def check(seed, data):
        parameters = (a_double("x"),)
        block = a_block(kind, *parameters) if kind else None
        before = ToldStudy(a_spec(*parameters, trials=5, parallel=3, iterations=9, scheduler=block)).begins()
        DrawnEngine(before, seed).play(data.draw(st.integers(10, 50)))
        storage = tmp_path_factory.mktemp("storage")
        there = sorted({saved.checkpoint for trial in before.trials.values() for saved in trial.saved})
        for checkpoint in there:
            written(storage / checkpoint)
        bad = data.draw(st.sets(st.sampled_from(there))) if there else set()
        for checkpoint in bad:
            damage = data.draw(st.sampled_from([cut, flipped, without_manifest, gone]))
            damage(storage / checkpoint)

        after = before.again().begins()
        newest = {name: newest_good(trial, bad) for name, trial in after.trials.items()}
        if not after.outcome:
            brings_all_to_their_end(after, storage, {} if kind is SchedulerKind.PBT else newest)
        fallen_back.update(record.checkpoint for record in after.of_kind("dropped") if record.reason)
        assert picture(after.again().begins()) == picture(after.begins())

    check()
    assert fallen_back


def newest_good(trial, bad):
    return next((saved.checkpoint for saved in reversed(trial.saved) if saved.checkpoint not in bad), None)


def brings_all_to_their_end(told, storage, newest):
    """Run every trial in turn as a worker would, which looks at what it is given before it goes on from it."""
    while name := told.starts():
        checkpoint = told.trials[name].origin.checkpoint
        try:
            if checkpoint:
                verify(storage / checkpoint)
        except BadCheckpoint as error:
            told.fails(name, "BadCheckpoint", str(error))
            continue
        assert checkpoint == newest.pop(name, checkpoint)
        goes_on = True
        while goes_on:
            goes_on = told.reports(name, 1.0)
            written(storage / told.saves(name))
        told.lets_go(name)
    told.ends()
    assert told.outcome.reason in ("TrialsDone", "TooManyFailures")


def written(target):
    """Put a good checkpoint there; one was saved, the others are its copies."""
    model = target.parents[1] / "model"
    if not model.exists():
        (target.parents[1] / "source").mkdir(parents=True)
        (target.parents[1] / "source" / "weights").write_text("weights")
        save(target.parents[1] / "source", model)
    if not target.exists():
        shutil.copytree(model, target)


def cut(checkpoint):
    os.truncate(checkpoint / "weights", 3)


def flipped(checkpoint):
    (checkpoint / "weights").write_text((checkpoint / "weights").read_text().swapcase())


def without_manifest(checkpoint):
    (checkpoint / ".manifest.json").unlink()


def gone(checkpoint):
    checkpoint.rename(checkpoint.with_name(f"elsewhere-{checkpoint.name}"))
