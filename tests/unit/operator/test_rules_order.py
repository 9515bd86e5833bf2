"""The order of the rules is a decision of its own."""

from __future__ import annotations

from luthier.operator.rules import RULES


def test_the_rules_are_asked_in_this_order() -> None:
    assert [rule.__name__ for rule in RULES] == [
        # these may end the asking
        "leave_to_garbage_collection",
        "reject_invalid_specs",
        "delete_after_its_time",
        "reopen",
        "finish",
        "suspend",
        # these do the work
        "keep_surroundings",
        "wait_for_prerequisites",
        "keep_one_driver",
        "tell_driver_of_workers",
        "keep_workers",
        "push_budget",
        # these name what stands in the way, the nearest cause first
        "name_refused_creates",
        "name_stuck_pods",
        "name_crashing_workers",
        "name_workers_that_do_not_join",
        "name_unreachable_drivers",
        "name_the_drivers_problem",
        "name_missing_results",
        "tell_whether_it_runs",
    ]
