"""Figures of all kinds of experiments: plotly takes them, their numbers are the ledger's, none grows without end."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.api.experiment import Direction
from luthier.trial.report import curves, objective, pareto, population, workers
from luthier.trial.report.figure import Figure, focus, plain
from luthier.trial.report.sampling import climbing, spread, telling
from luthier.trial.report.view import view_of
from luthier.trial.story import Run
from support.builders import SCHEDULER_KINDS, a_categorical, a_double, a_log_double, only_when
from support.stories import a_played_study, a_study_of_many, a_study_of_two_objectives, the_story
from support.studies import ToldStudy

SPACE = (a_double(), a_log_double(), a_categorical(), a_double("momentum", 0.0, 0.9, **only_when("optimizer", "sgd")))
NUMBERS = (a_double(), a_log_double())


def points(figure: Figure) -> int:
    return sum(len(trace.get("x") or ()) for trace in figure.data)


@pytest.mark.parametrize("kind", SCHEDULER_KINDS, ids=str)
def test_plotly_takes_every_figure_under_every_scheduler(kind):
    parameters = NUMBERS if kind in (SchedulerKind.PB2, SchedulerKind.REPLAY) else SPACE
    view = view_of(the_story(a_played_study(kind, *parameters)))
    assert {"history-0", "parallel", "timeline", "cost"} <= view.figures.keys()
    for figure in view.figures.values():
        go.Figure(figure.to_json())
        json.dumps(figure.to_json(), allow_nan=False)


def test_an_experiment_that_has_not_begun_has_a_page_too():
    view = view_of(the_story(ToldStudy(a_played_study(SchedulerKind.NONE).spec)))
    assert view.state == "Starting"
    assert view.figures == {}


def test_the_history_ends_at_the_best_value_of_all():
    story = the_story(a_played_study(SchedulerKind.NONE, trials=20))
    (figure,) = objective.histories(story)
    line = next(trace for trace in figure.data if trace["name"] == "best so far")
    assert line["y"][-1] == story.best_value(story.ranked[0])
    assert line["y"] == sorted(line["y"])


def test_every_trial_with_a_result_is_a_dot_at_its_best():
    story = the_story(a_played_study(SchedulerKind.ASHA))
    (figure,) = objective.histories(story)
    dots = [y for trace in figure.data if trace["mode"] == "markers" for y in trace["y"]]
    assert sorted(dots) == sorted(max(p.values[0] for p in found) for found in story.points.values())


def test_learning_curves_hold_every_result():
    story = the_story(a_played_study(SchedulerKind.NONE))
    (figure,) = curves.curves(story)
    drawn = {trace["name"]: trace["y"] for trace in figure.data if trace["x"] != [None]}
    assert drawn == {name: [p.values[0] for p in found] for name, found in story.points.items() if len(found) > 1}


@pytest.mark.parametrize(
    ("kind", "rungs"), [(SchedulerKind.ASHA, [1, 3]), (SchedulerKind.HYPERBAND, [1, 3]), (SchedulerKind.PBT, [])]
)
def test_rungs_are_where_the_scheduler_compares(kind, rungs):
    assert curves.rungs_of(the_story(a_played_study(kind))) == rungs


def test_no_more_trials_leave_at_rungs_than_the_scheduler_stopped():
    story = the_story(a_played_study(SchedulerKind.ASHA, trials=20))
    counts = curves.rung_counts(story)
    assert counts[0][1] >= counts[1][1] > 0
    assert sum(stopped for _, _, stopped in counts) == sum(story.stops.values()) > 0


def test_the_lineage_shows_every_copy_and_the_winners_way_apart():
    story = the_story(a_played_study(SchedulerKind.PBT, *NUMBERS))
    (figure,) = population.lineage(story)
    bows = {trace["name"]: len(trace["x"]) // 3 for trace in figure.data if "copies" in trace["name"]}
    assert sum(bows.values()) == len(story.study.exploits) > 0
    assert bows["copies of the winner"] == len(population.winners_copies(story))


def test_a_schedule_begins_with_the_first_values_of_the_winners_ancestor():
    story = the_story(a_played_study(SchedulerKind.PBT, *NUMBERS))
    stretches = population.schedule(story)
    figures = population.schedules(story)
    assert figures
    winner = next(trace for trace in figures[0].data if trace["name"] == "winner")
    assert winner["y"][0] == stretches[0].parameters[figures[0].title]
    assert winner["x"][-1] == stretches[-1].last_iteration


def test_the_front_holds_whom_nobody_beats():
    story = the_story(a_study_of_two_objectives((1, 1), (2, 2), (3, 5), (2, 4), (0, 1)))
    (figure,) = pareto.fronts(story)
    front = next(trace for trace in figure.data if trace["name"] == "front")
    assert list(zip(front["x"], front["y"], strict=True)) == [(1, 1), (2, 2), (3, 5)]


def test_with_one_objective_there_is_no_front():
    assert pareto.fronts(the_story(a_played_study(SchedulerKind.NONE))) == []


def test_ten_thousand_trials_are_drawn_as_some_and_the_page_says_so():
    story = the_story(a_study_of_many(10_000))
    view = view_of(story)
    assert max(points(figure) for figure in view.figures.values()) < 20_000
    assert len(json.dumps([figure.to_json() for figure in view.figures.values()])) < 3_000_000
    assert "1,500 of 10,000 trials are drawn." in view.figures["history-0"].note
    assert len(view.rows) == 100
    assert view.rows_note == "100 of 10,000 trials are listed."


def test_runs_at_the_same_time_lie_in_different_lanes_of_their_worker():
    runs = [Run("a", 0, 10, "w1"), Run("b", 5, 12, "w1"), Run("c", 11, 20, "w1"), Run("d", 0, 3, "w2")]
    lanes = {lane.name: [run.trial for run in lane.runs] for lane in workers.lanes_of(runs, 20)}
    assert lanes == {"w1 1": ["a", "c"], "w1 2": ["b"], "w2": ["d"]}


def test_a_few_wild_values_do_not_press_the_others_flat():
    values = [1.0, 1.1, 1.2, 1.3, 1.25, 1.15, 1.05, 1.01, 1.02, 1e6]
    low, high = focus(values, Direction.MINIMIZE)
    assert low < 1.0 < 1.3 <= high < 10
    assert focus([1.0, 2.0, 3.0], Direction.MINIMIZE) is None


def test_a_spread_keeps_both_ends():
    assert spread(range(100), 5) == [0, 25, 50, 74, 99]
    assert spread([1, 2], 5) == [1, 2]


def test_what_is_telling_is_never_left_out():
    kept = telling(list(range(1000)), 10, lambda number: number in (3, 997))
    assert len(kept) == 10
    assert {3, 997} <= set(kept)
    assert kept == sorted(kept)


def test_only_what_is_better_than_all_before_climbs():
    assert climbing([3, 1, 4, 4, 5], lambda one, other: one > other) == [0, 2, 4]


def test_a_text_is_one_short_line_without_tags():
    assert plain("<b>bold</b>\nnews") == "&lt;b&gt;bold&lt;/b&gt; news"
    assert len(plain("x" * 500)) == 80
