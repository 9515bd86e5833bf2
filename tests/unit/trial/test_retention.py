"""Which checkpoints may go."""

from __future__ import annotations

from luthier.trial.retention import nearest_to_best, superfluous
from luthier.trial.trial_state import Best, Origin, Saved, TrialState


def a_trial(*iterations, best=None, name="t0000"):
    trial = TrialState(name, {}, saved=[Saved(i, f"{name}/{i}") for i in iterations])
    trial.origin = Origin(iterations[-1], f"{name}/{iterations[-1]}") if iterations else Origin()
    trial.best = best and Best(1.0, best, {}, {})
    return trial


def iterations_of(saved):
    return [one.iteration for one in saved]


def test_the_last_two_stay():
    trial = a_trial(1, 2, 3, 4)

    assert iterations_of(superfluous(trial, [trial])) == [1, 2]


def test_the_one_nearest_to_the_best_result_stays():
    trial = a_trial(2, 4, 6, 8, best=5)

    assert iterations_of(superfluous(trial, [trial])) == [2]
    assert nearest_to_best(trial).iteration == 4


def test_what_a_loser_is_about_to_go_on_from_stays():
    donor, loser = a_trial(1, 2, 3, 4), a_trial(name="t0001")
    loser.origin = Origin(9, "t0000/1")

    assert iterations_of(superfluous(donor, [donor, loser])) == [2]


def test_of_two_nothing_goes():
    trial = a_trial(1, 2)

    assert superfluous(trial, [trial]) == []
