"""What of trials' doings is told, and how seldom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from luthier.api.experiment import Objective
from luthier.api.status import Activity, Exploit, FailedTrial, Population, RungCount, Status, TrialCounts
from luthier.operator.news import STALLS_TOLD, Told, may_tell_stall, news
from support.operator_builders import NOW, a_best, a_status, in_

UP = [Objective.model_validate({"metric": "accuracy", "direction": "Maximize"})]
DOWN = [Objective.model_validate({"metric": "accuracy", "direction": "Minimize"})]


class Reader:
    """Who reads the events of one experiment, as its status changes."""

    def __init__(self, objectives: list[Objective] = UP, **before: Any) -> None:
        self.told = Told()
        self.objectives = objectives
        self.later = None
        self.hears(**before)

    def hears(self, seconds: float = 0, *, has_ended: bool = False, **status: Any) -> list[tuple[str, str]]:
        found, self.later = news(self.told, a_status(**status), self.objectives, in_(seconds), has_ended=has_ended)
        return [(happening.reason, happening.message) for happening in found]


def with_rungs(*counts: tuple[int, int, int]) -> Activity:
    return Activity(rungs=[RungCount(iterations=i, promoted=p, stopped=s) for i, p, s in counts])


def with_copies(number: int, **last: Any) -> Population:
    copy = {"trial": "t3", "donor": "t1", "iteration": 4, "donor_iteration": 6, "time": NOW, **last}
    return Population(exploits=number, lineage=[Exploit(**copy)])


def test_the_first_result_is_told_once_with_its_value() -> None:
    reader = Reader()
    assert reader.hears(last_result_time=NOW, best=a_best(0.5)) == [("FirstResult", "accuracy 0.5 by t0003")]
    assert reader.hears(1, last_result_time=in_(1), best=a_best(0.5)) == []


def test_a_first_result_without_the_objective_is_one_too() -> None:
    assert Reader().hears(last_result_time=NOW) == [("FirstResult", "a trial has reported")]


def test_a_new_best_is_told_with_its_value_and_the_one_before() -> None:
    reader = Reader(best=a_best(0.5))
    assert reader.hears(best=a_best(0.75)) == [("NewBest", "accuracy 0.75 by t0003 at iteration 4, after 0.5")]


def test_smaller_is_better_where_the_objective_says_so() -> None:
    reader = Reader(DOWN, best=a_best(0.5))
    assert reader.hears(best=a_best(0.75)) == []
    assert reader.hears(1, best=a_best(0.25))[0][1].startswith("accuracy 0.25")


def test_a_best_that_a_failure_took_away_is_no_news_but_what_is_better_then_is() -> None:
    reader = Reader(best=a_best(0.9))
    assert reader.hears(best=a_best(0.5)) == []
    assert reader.hears(1, best=a_best(0.6)) == [("NewBest", "accuracy 0.6 by t0003 at iteration 4, after 0.5")]


def test_bests_are_told_ever_more_seldom_and_never_lost() -> None:
    reader = Reader(best=a_best(0.0))
    told = [second for second in range(3600) if reader.hears(second, best=a_best((second + 1) / 10_000))]
    assert told[:5] == [0, 20, 60, 140, 300]
    assert len(told) <= 12
    (last,) = reader.hears(3600, best=a_best(0.9), has_ended=True)
    assert last[1].startswith("accuracy 0.9")


def test_what_has_to_wait_says_when_its_time_comes() -> None:
    reader = Reader(best=a_best(0.1))
    reader.hears(best=a_best(0.2))
    assert reader.hears(5, best=a_best(0.3)) == []
    assert reader.later == in_(20)
    assert reader.hears(20, best=a_best(0.3)) == [("NewBest", "accuracy 0.3 by t0003 at iteration 4, after 0.2")]
    assert reader.later is None


def test_promotions_are_told_together_by_rung() -> None:
    reader = Reader(activity=with_rungs((1, 1, 2)))
    assert reader.hears(activity=with_rungs((1, 1, 4))) == []
    assert reader.hears(1, activity=with_rungs((1, 3, 5), (3, 1, 0))) == [
        ("Promoted", "3 trials went on: 2 from rung 1, 1 from rung 3; 3 stopped")
    ]


def test_a_copy_says_from_whom_and_with_what() -> None:
    reader = Reader()
    changed = {"lr": [0.1, 0.12], "optimizer": ["sgd", "adam"], "momentum": [0.9, None]}
    assert reader.hears(population=with_copies(1, changed=changed)) == [
        (
            "Exploited",
            "t3 went on from t1's weights of iteration 6 with lr 0.1 to 0.12, optimizer sgd to adam, "
            "momentum 0.9 to nothing",
        )
    ]
    assert reader.hears(5, population=with_copies(4)) == []
    assert reader.hears(20, population=with_copies(4)) == [
        ("Exploited", "3 copies, the last one: t3 went on from t1's weights of iteration 6")
    ]


def test_of_many_changed_parameters_some_are_named() -> None:
    changed = {f"p{number}": [1, 2] for number in range(64)}
    ((_, said),) = Reader().hears(population=with_copies(1, changed=changed))
    assert said.endswith("p3 1 to 2, ...")


def test_failures_are_told_every_20_seconds() -> None:
    reader = Reader()

    def failed(number: int) -> dict[str, Any]:
        failure = FailedTrial(trial=f"t{number}", cause="Exception", message="no luck")
        return {"trials": TrialCounts(failed=number), "failures": [failure]}

    told = [second for second in range(100) if reader.hears(second, **failed(second + 1))]
    assert told == [0, 20, 40, 60, 80]


def test_what_was_before_the_first_look_was_told_by_another() -> None:
    reader = Reader(
        last_result_time=NOW,
        best=a_best(),
        population=with_copies(3),
        activity=with_rungs((1, 5, 5)),
        trials=TrialCounts(failed=2),
    )
    assert reader.later is None
    assert reader.told.tracks["NewBest"].times == 0


def test_a_stall_that_comes_and_goes_is_told_only_so_often() -> None:
    told = Told()
    allowed = [may_tell_stall(told, NOW + timedelta(seconds=second)) for second in range(100)]
    assert sum(allowed) == STALLS_TOLD
    assert may_tell_stall(told, NOW + timedelta(seconds=700))


def test_an_hour_of_a_busy_search_is_a_page_of_events() -> None:
    reader, events = Reader(best=a_best(0.0)), 0
    for second in range(3600):
        status = Status(
            best=a_best(second + 1),
            last_result_time=in_(second),
            population=with_copies(second),
            activity=with_rungs((1, second, second)),
            trials=TrialCounts(failed=0),
        )
        found, _ = news(reader.told, status, UP, in_(second))
        events += len(found)
    assert 10 < events < 40
