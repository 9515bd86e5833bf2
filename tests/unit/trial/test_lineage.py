from datetime import UTC, datetime

import pytest

from luthier.api.status import Exploit, TrialResult
from luthier.trial.lineage import BrokenLineage, Stretch, schedule_of


def won(trial: str, iteration: int, **parameters: object) -> TrialResult:
    return TrialResult(trial=trial, iteration=iteration, parameters=parameters)


def copied(loser: str, at: int, donor: str, from_: int, **changed: list[object]) -> Exploit:
    return Exploit(
        trial=loser,
        iteration=at,
        donor=donor,
        donor_iteration=from_,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        changed=changed,
    )


def test_weights_that_were_never_copied_lived_under_one_set_of_parameters():
    assert schedule_of(won("a", 40, lr=0.1), []) == (Stretch(1, 40, "a", {"lr": 0.1}),)


def test_a_copy_splits_life_into_the_donors_part_and_the_losers_own():
    schedule = schedule_of(won("b", 12, lr=0.12), [copied("b", 4, "a", 4, lr=[0.1, 0.12])])
    assert schedule == (Stretch(1, 4, "a", {"lr": 0.1}), Stretch(5, 12, "b", {"lr": 0.12}))


def test_iterations_are_counted_over_the_life_of_the_weights_and_not_of_the_trial():
    schedule = schedule_of(won("b", 12, lr=0.12), [copied("b", 8, "a", 6, lr=[0.1, 0.12])])
    assert schedule == (Stretch(1, 6, "a", {"lr": 0.1}), Stretch(7, 10, "b", {"lr": 0.12}))


def test_the_line_is_followed_through_donors_that_copied_themselves():
    copies = [
        copied("b", 4, "a", 4, lr=[0.1, 0.2]),
        copied("c", 8, "b", 8, lr=[0.2, 0.4], momentum=[0.9, 0.5]),
    ]
    assert schedule_of(won("c", 12, lr=0.4, momentum=0.5), copies) == (
        Stretch(1, 4, "a", {"lr": 0.1, "momentum": 0.9}),
        Stretch(5, 8, "b", {"lr": 0.2, "momentum": 0.9}),
        Stretch(9, 12, "c", {"lr": 0.4, "momentum": 0.5}),
    )


def test_copies_after_the_best_result_and_copies_of_others_play_no_part():
    copies = [
        copied("a", 8, "z", 8, lr=[9.0, 8.0]),
        copied("a", 4, "b", 4, lr=[0.5, 0.6]),
        copied("b", 8, "a", 8, lr=[0.6, 0.7]),
    ]
    schedule = schedule_of(won("a", 7, lr=0.6), copies)
    assert schedule == (Stretch(1, 4, "b", {"lr": 0.5}), Stretch(5, 7, "a", {"lr": 0.6}))


def test_a_result_at_the_very_iteration_of_a_copy_was_made_before_it():
    assert schedule_of(won("b", 4, lr=0.3), [copied("b", 4, "a", 4, lr=[0.1, 0.2])]) == (
        Stretch(1, 4, "b", {"lr": 0.3}),
    )


def test_two_members_may_take_turns_in_copying_from_each_other():
    copies = [copied("b", 4, "a", 4, lr=[1.0, 2.0]), copied("a", 8, "b", 8, lr=[2.0, 3.0])]
    assert [(s.trial, s.parameters["lr"]) for s in schedule_of(won("a", 12, lr=3.0), copies)] == [
        ("a", 1.0),
        ("b", 2.0),
        ("a", 3.0),
    ]


def test_a_parameter_that_explore_brought_in_was_absent_before_and_one_it_dropped_was_there():
    copies = [copied("b", 4, "a", 4, optimizer=["adam", "sgd"], momentum=[None, 0.9], beta=[0.99, None])]
    donors, own = schedule_of(won("b", 8, optimizer="sgd", momentum=0.9), copies)
    assert donors.parameters == {"optimizer": "adam", "beta": 0.99}
    assert own.parameters == {"optimizer": "sgd", "momentum": 0.9}


def test_copies_that_descend_from_themselves_are_refused():
    copies = [copied("a", 4, "b", 8, lr=[1, 2]), copied("b", 4, "a", 8, lr=[2, 1])]
    with pytest.raises(BrokenLineage, match="a at iteration 12 descend from themselves"):
        schedule_of(won("a", 12, lr=2), copies)
