"""Counts of an experiment never fall, whoever counts them."""

from __future__ import annotations

from luthier.api.status import Activity, CheckpointCounts, RungCount, Usage
from luthier.operator.growing import at_least


def test_what_a_lost_driver_had_counted_is_not_taken_back() -> None:
    before = Usage(trial_seconds=1799, gpu_seconds=10, wasted_trial_seconds={"Failed": 5, "Disrupted": 1})
    now = Usage(trial_seconds=49, gpu_seconds=12, wasted_trial_seconds={"Failed": 3, "EarlyStopped": 2})
    assert at_least(before, now) == Usage(
        trial_seconds=1799, gpu_seconds=12, wasted_trial_seconds={"Failed": 5, "Disrupted": 1, "EarlyStopped": 2}
    )


def test_each_rung_and_each_kind_of_count_grows_by_itself() -> None:
    before = Activity(
        exploits=3,
        checkpoints=CheckpointCounts(saved=9),
        retries={"Evicted": 2},
        rungs=[RungCount(iterations=1, promoted=4, stopped=2)],
    )
    now = Activity(
        exploits=2,
        checkpoints=CheckpointCounts(saved=11),
        retries={},
        rungs=[RungCount(iterations=1, promoted=3, stopped=5), RungCount(iterations=3, promoted=1)],
    )
    found = at_least(before, now)
    assert (found.exploits, found.checkpoints.saved, found.retries) == (3, 11, {"Evicted": 2})
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in found.rungs] == [(1, 4, 5), (3, 1, 0)]


def test_whatever_names_a_driver_makes_up_a_status_has_room_for_them() -> None:
    before = Usage(wasted_trial_seconds={f"before-{n}": 1 for n in range(8)})
    now = Usage(wasted_trial_seconds={f"now-{n}": 1 for n in range(8)})
    assert at_least(before, now).wasted_trial_seconds == before.wasted_trial_seconds


def test_what_was_made_of_a_report_stays_when_the_same_report_comes_again() -> None:
    twice = [RungCount(iterations=1, promoted=1), RungCount(iterations=1, promoted=5, stopped=2)]
    first = at_least(Activity(), Activity(rungs=twice))
    assert at_least(first, Activity(rungs=twice)) == first
