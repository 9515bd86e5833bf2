"""Which checkpoints stay: those that somebody may still ask for, and no others, so that storage does not fill up."""

from __future__ import annotations

import pytest

from luthier.api.status import TOP_TRIALS
from luthier.trial.retention import nearest_to_best, superfluous
from luthier.trial.schedulers.scheduler import Exploit
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.trial_state import Best, Saved, State, TrialState
from support.builders import a_double, a_spec
from support.studies import ToldStudy


def a_trial(*iterations, best=None, state=State.RUNNING, halted_from=None):
    trial = TrialState("t0000", {}, state, saved=[Saved(i, f"t0000/{i}") for i in iterations], halted_from=halted_from)
    trial.best = best and Best(1.0, best, {}, {})
    return trial


ENDS = {
    "one that runs": (State.RUNNING, None, False, [4, 6, 8]),
    "one that was stopped with the experiment": (State.STOPPED, State.RUNNING, False, [4, 6, 8]),
    "a complete one among the best": (State.SUCCEEDED, None, True, [4, 8]),
    "any other complete one": (State.SUCCEEDED, None, False, [8]),
    "one that the scheduler stopped, among the best": (State.STOPPED, None, True, [4]),
    "any other that the scheduler stopped": (State.STOPPED, None, False, []),
    "a failed one": (State.FAILED, None, False, []),
}


@pytest.mark.parametrize(("state", "halted_from", "is_shown", "kept"), ENDS.values(), ids=ENDS)
def test_there_stay_of(state, halted_from, is_shown, kept):
    trial = a_trial(2, 4, 6, 8, best=5, state=state, halted_from=halted_from)
    gone = superfluous(trial, is_shown=is_shown)
    assert [saved.iteration for saved in trial.saved if saved not in gone] == kept
    assert nearest_to_best(trial).iteration == 4


def test_of_two_nothing_goes():
    assert superfluous(a_trial(1, 2), is_shown=False) == []


def a_study(trials, *, scheduler=None, parallel=1, iterations=2, directions=("Maximize",)):
    spec = a_spec(a_double("x"), trials=trials, parallel=parallel, iterations=iterations, directions=directions)
    return ToldStudy(spec, scheduler=scheduler).begins()


def there(told):
    """Checkpoints on storage, by the ledger."""
    gone = {record.checkpoint for record in told.of_kind("dropped")}
    return [record.checkpoint for record in told.of_kind("saved") if record.checkpoint not in gone]


def completes(told, *scores):
    """Run one trial that saves at every report."""
    name = told.starts()
    for score in scores:
        told.reports(name, score)
        told.saves(name)
    told.lets_go(name)
    return name


def test_storage_grows_by_one_checkpoint_a_complete_trial_and_one_more_for_each_of_the_best():
    told = a_study(40)
    for number in range(40):
        completes(told, float(number), 0.0)  # the best of each lies before its end
    assert len(there(told)) == 40 + TOP_TRIALS
    assert set(there(told)) == {saved.checkpoint for trial in told.trials.values() for saved in trial.saved}


def test_a_trial_that_falls_out_of_the_best_gives_its_checkpoint_back():
    told = a_study(1 + TOP_TRIALS)
    first = completes(told, 1.0, 0.0)
    assert [saved.iteration for saved in told.trials[first].saved] == [1, 2]
    for number in range(TOP_TRIALS):
        completes(told, 2.0 + number, 0.0)
    assert [saved.iteration for saved in told.trials[first].saved] == [2]


def test_on_a_front_of_several_objectives_everyone_may_be_shown():
    told = a_study(10, directions=("Maximize", "Minimize"))
    for number in range(10):
        name = told.starts()
        for score in (float(number), 0.0):
            told.reports(name, score, score1=1.0)
            told.saves(name)
        told.lets_go(name)
    assert len(there(told)) == 20


class Copies(StoppingScheduler):
    def report(self, trial, iteration, score, *, waiting):
        is_loser = trial == "t0001" and iteration == 1
        return Exploit("t0000", 1, {"x": 0.5}) if is_loser else super().report(trial, iteration, score, waiting=waiting)


def a_loser_that_copies_from_a_donor_that_then_fails():
    told = a_study(2, scheduler=Copies(), parallel=2, iterations=9)
    told.starts_all()
    told.reports("t0000", 1.0)
    donors = told.saves("t0000")
    told.reports("t0001", 0.0)
    given_up = told.saves("t0001")
    told.lets_go("t0001")
    told.fails("t0000")
    return told, donors, given_up


def test_what_a_loser_copies_goes_once_it_has_saved_its_own():
    told, donors, _ = a_loser_that_copies_from_a_donor_that_then_fails()
    assert there(told) == [donors]
    told.starts()
    told.reports("t0001", 0.5)
    own = told.saves("t0001")
    assert there(told) == [own]


def test_what_a_loser_saved_of_weights_that_it_gave_up_is_removed():
    told, _, given_up = a_loser_that_copies_from_a_donor_that_then_fails()
    assert given_up in [record.checkpoint for record in told.of_kind("dropped")]


def test_the_one_that_was_nearest_to_the_best_result_goes_when_there_is_a_better_result():
    told = a_study(1, iterations=9)
    told.starts()
    for score in (1.0, 0.5, 0.4):
        told.reports("t0000", score)
        told.saves("t0000")
    assert [saved.iteration for saved in told.trials["t0000"].saved] == [1, 2, 3]
    told.reports("t0000", 2.0)
    assert [saved.iteration for saved in told.trials["t0000"].saved] == [2, 3]


def test_what_a_driver_that_died_had_not_dropped_yet_the_next_one_drops():
    told = a_study(3)
    completes(told, 1.0, 2.0)
    before_the_drop = next(number for number, record in enumerate(told.records) if record.kind == "dropped")
    again = told.again(upto=before_the_drop).begins()
    assert [record.checkpoint for record in again.of_kind("dropped")] == [told.records[before_the_drop].checkpoint]
