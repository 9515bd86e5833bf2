"""Hyperband's brackets, as in the paper's formula."""

from __future__ import annotations

from luthier.trial.schedulers.hyperband import HyperbandScheduler
from luthier.trial.schedulers.scheduler import Continue, Drop, Pause, Resume


def hyperband(iterations: int = 9, members: int = 0) -> HyperbandScheduler:
    scheduler = HyperbandScheduler(reduction_factor=3, iterations=iterations)
    for number in range(members):
        scheduler.added(f"t{number}", {})
    return scheduler


def test_brackets_have_the_sizes_of_the_paper_and_begin_again() -> None:
    brackets = hyperband(iterations=81, members=81 + 34 + 15 + 8 + 5 + 1).state()["brackets"]
    assert [(b["number"], len(b["members"])) for b in brackets] == [(4, 81), (3, 34), (2, 15), (1, 8), (0, 5), (4, 1)]


def test_rungs_are_r_divided_by_powers_of_eta() -> None:
    scheduler = hyperband(iterations=81)
    assert [scheduler.rungs(number) for number in (4, 3, 0)] == [[1, 3, 9, 27], [3, 9, 27], []]
    assert hyperband(iterations=100).rungs(4) == [1, 3, 11, 33]


def test_a_rung_is_decided_when_its_last_member_is_there() -> None:
    scheduler = hyperband(members=9)
    for number in range(8):
        assert scheduler.report(f"t{number}", 1, float(number), waiting=0) == Pause()
        assert scheduler.orders() == []
    assert scheduler.report("t8", 1, 8.0, waiting=0) == Pause()
    orders = scheduler.orders()
    assert orders[:3] == [Resume("t8"), Resume("t7"), Resume("t6")]
    assert orders[3] == Drop("t5", "bracket 2, rung 1: 5 is not among the best third of 9 trials, which reached 6")
    assert len(orders) == 9
    assert scheduler.orders() == []


def test_a_member_that_ends_on_the_way_holds_nobody_up() -> None:
    scheduler = hyperband(members=9)
    for number in range(8):
        scheduler.report(f"t{number}", 1, float(number), waiting=0)
    scheduler.ended("t8")
    assert [order for order in scheduler.orders() if isinstance(order, Resume)] == [
        Resume("t7"),
        Resume("t6"),
        Resume("t5"),
    ]


def test_a_bracket_that_will_not_fill_is_decided_with_those_it_has() -> None:
    scheduler = hyperband(members=4)
    for number in range(4):
        scheduler.report(f"t{number}", 1, float(number), waiting=0)
    assert scheduler.orders() == []
    scheduler.closed()
    assert scheduler.orders()[0] == Resume("t3")


def test_a_bracket_without_a_winner_halves_also_at_what_was_its_end() -> None:
    scheduler = hyperband(members=17)  # 9 of bracket 2, 5 of bracket 1, 3 of bracket 0
    assert scheduler.resized(81, []) == []
    assert [bracket["rungs"] for bracket in scheduler.state()["brackets"]] == [[1, 3, 9, 27], [3, 9, 27], [9, 27]]
    last = ["t14", "t15", "t16"]
    for number, trial in enumerate(last):
        assert scheduler.report(trial, 8, float(number), waiting=0) == Continue()
        assert scheduler.report(trial, 9, float(number), waiting=0) == Pause()
    scheduler.closed()
    resumed, *dropped = scheduler.orders()
    assert resumed == Resume("t16")
    assert {order.trial for order in dropped} == {"t14", "t15"}
    assert scheduler.report("t16", 27, 1.0, waiting=0) == Pause()
    assert scheduler.orders() == [Resume("t16")]
    assert scheduler.report("t16", 80, 1.0, waiting=0) == Continue()


def test_winners_go_on_to_a_later_end_and_the_next_bracket_is_made_for_it() -> None:
    scheduler = hyperband(members=9)
    for rung, members in ((1, range(9)), (3, range(6, 9))):
        for number in members:
            scheduler.report(f"t{number}", rung, float(number), waiting=0)
        scheduler.orders()
    scheduler.report("t8", 9, 8.0, waiting=0)
    scheduler.ended("t8")

    assert scheduler.resized(27, ["t8"]) == ["t8"]

    assert [scheduler.report("t8", iteration, 8.0, waiting=0) for iteration in (10, 20, 26)] == [Continue()] * 3
    scheduler.added("later", {})
    assert [bracket["rungs"] for bracket in scheduler.state()["brackets"]] == [[1, 3], [9]]
    for number in range(200):
        scheduler.added(f"more{number}", {})
    assert [bracket["number"] for bracket in scheduler.state()["brackets"]][:6] == [2, 1, 0, 3, 2, 1]


def test_trials_that_join_after_all_open_the_next_bracket() -> None:
    scheduler = hyperband(members=4)
    for number in range(4):
        scheduler.report(f"t{number}", 1, float(number), waiting=0)
    scheduler.closed()
    scheduler.added("late", {})
    assert [b["members"] for b in scheduler.state()["brackets"]] == [["t3"], ["late"]]


def test_a_promoted_trial_that_repeats_its_rung_goes_on() -> None:
    scheduler = hyperband(members=4)
    scheduler.closed()
    for number in range(4):
        scheduler.report(f"t{number}", 1, float(number), waiting=0)
    assert scheduler.report("t3", 1, 3.0, waiting=0) == Continue()
    assert scheduler.report("t3", 3, 3.0, waiting=0) == Pause()
    assert scheduler.report("t3", 4, 3.0, waiting=0) == Continue()
