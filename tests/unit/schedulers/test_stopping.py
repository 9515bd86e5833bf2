"""ASHA and median stopping, decision by decision."""

from __future__ import annotations

import pytest

from luthier.trial.schedulers.asha import AshaScheduler
from luthier.trial.schedulers.median import MedianStoppingScheduler
from luthier.trial.schedulers.scheduler import Continue, Decision, Scheduler, Stop


def asha(*, grace_period: int = 1, factor: int = 3, brackets: int = 1, iterations: int = 27) -> AshaScheduler:
    return AshaScheduler(
        grace_period=grace_period, reduction_factor=factor, brackets=brackets, iterations=iterations, seed=0
    )


def reported(scheduler: Scheduler, iteration: int, *scores: float) -> list[Decision]:
    """Report one score each of the trials a, b, c, ..."""
    decisions = []
    for name, score in zip("abcdefghijklmnopqrstuvwxyz", scores, strict=False):
        scheduler.added(name, {})
        decisions.append(scheduler.report(name, iteration, score, waiting=0))
    return decisions


def stops(decisions: list[Decision]) -> list[bool]:
    return [isinstance(decision, Stop) for decision in decisions]


def test_asha_keeps_the_best_third_of_those_seen_so_far() -> None:
    decisions = reported(asha(), 9, 0.5, 0.4, 0.6, 0.55, 0.58, 0.59, 0.1)
    assert stops(decisions) == [False, True, False, True, True, False, True]


def test_asha_tells_the_numbers_it_stopped_for() -> None:
    *_, last = reported(asha(), 9, 0.78, 0.5, 0.71)
    assert last == Stop("rung 9: 0.71 is below the 0.78 that the best third of 3 trials reached")


def test_asha_lets_trials_alone_between_rungs() -> None:
    assert reported(asha(), 2, 1.0)[0] == Continue()
    scheduler = asha(grace_period=4, iterations=100)
    assert stops(reported(scheduler, 3, 5.0, 1.0, 1.0)) == [False, False, False]


def test_asha_judges_a_trial_that_skipped_a_rung_once() -> None:
    scheduler = asha()
    reported(scheduler, 3, 0.9, 0.8)
    scheduler.added("z", {})
    assert isinstance(scheduler.report("z", 4, 0.1, waiting=0), Stop)
    assert scheduler.report("a", 4, 0.0, waiting=0) == Continue()


def test_asha_brackets_start_one_rung_later_each() -> None:
    assert asha(brackets=3).brackets == [[1, 3, 9, 27], [3, 9, 27], [9, 27]]
    assert asha(brackets=8).brackets == [[1, 3, 9, 27], [3, 9, 27], [9, 27]]
    assert asha(brackets=8, iterations=26).brackets == [[1, 3, 9], [3, 9], [9]]


def test_asha_draws_brackets_with_falling_shares_from_its_own_seed() -> None:
    scheduler, again = asha(brackets=2), asha(brackets=2)
    for one in (scheduler, again):
        for number in range(400):
            one.added(f"t{number}", {})
    assert scheduler.state() == again.state()
    drawn = list(scheduler.state()["bracket_of"].values())
    assert drawn.count(0) == pytest.approx(300, abs=30)


def test_asha_adds_rungs_up_to_a_later_end_and_takes_none_away_for_an_earlier_one() -> None:
    scheduler = asha(brackets=2, iterations=9)
    scheduler.resized(81, [])
    assert scheduler.brackets == [[1, 3, 9, 27, 81], [3, 9, 27, 81]]
    scheduler.resized(5, [])
    assert scheduler.brackets == [[1, 3, 9, 27, 81], [3, 9, 27, 81]]


def test_asha_lets_the_best_third_of_those_that_were_complete_go_on() -> None:
    scheduler = asha(iterations=9)
    reported(scheduler, 9, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert scheduler.resized(27, ["f", "e", "d", "c", "b", "a"]) == ["f", "e"]
    assert stops([scheduler.report(name, 10, 0.0, waiting=0) for name in "fe"]) == [False, False]


def test_asha_lets_all_go_on_that_no_rung_has_seen() -> None:
    scheduler = asha(grace_period=4, iterations=3)
    reported(scheduler, 3, 1.0, 2.0)
    assert scheduler.resized(9, ["b", "a"]) == ["b", "a"]


def median_stopping(grace_period: int = 1, min_trials: int = 3) -> MedianStoppingScheduler:
    return MedianStoppingScheduler(grace_period=grace_period, min_trials=min_trials)


def test_median_compares_the_best_so_far_with_running_averages() -> None:
    def judged(best: float) -> Decision:
        scheduler = median_stopping()
        for iteration, scores in ((1, (1.0, 2.0, 3.0)), (2, (3.0, 4.0, 5.0))):
            reported(scheduler, iteration, *scores)  # running averages at 2: 2, 3, 4
        scheduler.report("z", 1, best, waiting=0)
        return scheduler.report("z", 2, 0.0, waiting=0)

    assert judged(3.1) == Continue()
    assert judged(2.9) == Stop(
        "iteration 2: its best, 2.9, is below 3, the median of the running averages of 3 other trials"
    )


def test_median_waits_for_the_grace_period_and_for_enough_others() -> None:
    assert stops(reported(median_stopping(grace_period=2), 1, 3.0, 3.0, 3.0, 0.0)) == [False] * 4
    assert stops(reported(median_stopping(), 1, 3.0, 3.0, 0.0)) == [False] * 3
    assert stops(reported(median_stopping(), 1, 3.0, 3.0, 3.0, 0.0)) == [False, False, False, True]


def test_median_counts_a_repeated_iteration_once() -> None:
    scheduler = median_stopping()
    for iteration in (1, 2, 2, 1, 2):
        scheduler.report("a", iteration, float(iteration), waiting=0)
    assert scheduler.state()["sums"] == {"1": {"a": [1.0, 1]}, "2": {"a": [3.0, 2]}}
