"""What the fold forgets and a page tells: runs, what their time was good for, what went wrong."""

from __future__ import annotations

import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.trial.records import AttemptStarted
from luthier.trial.story import Use, story_of
from luthier.trial.trial_state import State
from support.builders import a_double, a_spec
from support.stories import a_played_study, the_experiment, the_story
from support.studies import ToldStudy


def two_trials(**more) -> ToldStudy:
    return ToldStudy(a_spec(a_double(), trials=2, parallel=2, iterations=3, **more)).begins()


def test_a_story_counts_what_the_fold_counts():
    told = two_trials()
    told.starts_all()
    told.completes("t0000", 1.0, 2.0, 3.0)
    told.fails("t0001")
    told.ends()
    story = the_story(told)
    assert [trial.state for trial in story.trials] == [State.SUCCEEDED, State.FAILED]
    assert sum(story.uses().values()) == story.study.trial_seconds(story.now) == told.trial_seconds(told.now)


def test_a_trial_that_runs_is_running_in_the_story_of_a_living_experiment():
    told = two_trials()
    told.starts()
    told.reports("t0000", 1.0)
    story = the_story(told, now=told.now + 100)
    assert story.is_live
    assert story.study.trials["t0000"].state is State.RUNNING
    assert story.runs[0].end is None
    assert story.uses()[Use.USEFUL] == story.now - story.runs[0].start


def test_an_end_stays_when_it_was_though_another_driver_came_after_it():
    told = two_trials()
    told.starts_all()
    told.completes("t0000", 1.0, 2.0, 3.0)
    told.fails("t0001")
    told.ends()
    before = the_story(told, now=told.now + 10)
    late = AttemptStarted(time=told.now + 1000, attempt=2, previous_end="NodeLost: gone")
    story = story_of(the_experiment(told), [*told.records, late], told.now + 2000)
    assert (story.now, story.is_live) == (before.now, False)
    assert story.study.running_seconds(story.now) == before.study.running_seconds(before.now)


def test_the_time_of_a_failed_trial_was_in_vain():
    told = two_trials()
    told.starts()
    told.reports("t0000", 1.0)
    told.fails("t0000", "Exception", "division by zero")
    story = the_story(told)
    assert story.uses()[Use.FAILED] == 2.0
    assert story.uses()[Use.USEFUL] == 0.0
    assert [(m.who, m.cause, m.message, m.what) for m in story.mishaps] == [
        ("t0000", "Exception", "division by zero", "failed")
    ]


def test_of_a_lost_run_only_what_came_after_its_last_checkpoint_is_lost():
    told = two_trials()
    told.starts()
    told.reports("t0000", 1.0)
    told.saves("t0000")
    told.reports("t0000", 2.0)
    told.fails("t0000", "NodeLost", "the node is silent")
    story = the_story(told)
    assert story.uses()[Use.USEFUL] == 2.0
    assert story.uses()[Use.LOST] == 2.0


def test_a_trial_that_the_scheduler_stopped_is_no_failure():
    told = ToldStudy(
        a_spec(a_double(), trials=4, parallel=1, iterations=9, scheduler={"asha": {"reductionFactor": 2}})
    ).begins()
    for score in (4.0, 3.0, 2.0, 1.0):
        name = told.starts()
        if told.reports(name, score):
            told.reports(name, *[score] * 8)
        told.lets_go(name)
    story = the_story(told)
    stopped = [trial for trial in story.trials if trial.state is State.STOPPED]
    assert stopped
    assert sum(story.stops.values()) == len(stopped)
    assert story.uses()[Use.STOPPED] > 0
    assert story.uses()[Use.FAILED] == story.uses()[Use.LOST] == 0.0


def test_what_a_loser_had_trained_is_given_up_at_its_copy():
    told = a_played_study(SchedulerKind.PBT, trials=4)
    story = the_story(told)
    losers = {(copy.trial, copy.time) for copy in told.study.exploits}
    assert losers
    assert {(run.trial, run.end) for run in story.runs if Use.EXPLOITED in story.use_of(run)} == losers
    assert story.uses()[Use.EXPLOITED] > 0
    assert sum(story.uses().values()) == pytest.approx(told.study.trial_seconds(story.now))


def test_a_run_knows_its_worker():
    told = two_trials()
    told.starts()
    told.study.placed("t0000", "worker-3", told.tick())
    assert the_story(told).runs[0].worker == "worker-3"


def test_a_run_of_a_lost_driver_ends_with_what_that_driver_wrote_last():
    told = two_trials()
    told.starts()
    told.reports("t0000", 1.0)
    last = told.now
    told.tick(1000)
    told.study.begin(2, 1, told.study.budget, told.tick(), "OutOfMemory: the driver was killed")
    story = the_story(told)
    assert story.runs[0].end == last
    assert story.runs[0].is_lost
    assert story.mishaps[0].who == "driver"
    assert len(story.attempts) == 2


def test_what_an_attempt_ran_with_is_remembered():
    told = two_trials()
    told.study.begin(2, 1, told.study.budget, told.tick(), environment={"python": "3.13"})
    assert the_story(told).attempts[-1].environment == {"python": "3.13"}
