"""The report is bounded whatever the number of trials, and says what is true."""

from __future__ import annotations

import math
import random
import time
from functools import partial

import pytest

from luthier.api.status import FAILURES_SHOWN, FRONT_POINTS, LINEAGE_STEPS, METRICS_SHOWN, TOP_TRIALS
from luthier.api.wire import Outcome, Phase, decode, encode
from luthier.trial.records import ExploitStep, RunStarted, TrialEnded, TrialProposed, TrialReported
from luthier.trial.reporting import make_report
from support.builders import a_double, a_spec
from support.studies import START, ToldStudy


def a_study(**spec):
    return ToldStudy(a_spec(a_double("x"), **{"trials": 8, "parallel": 2, "iterations": None, **spec})).begins()


def report_of(told, now=None):
    return make_report(told.study, uid="u", attempt=2, sequence=7, now=now or told.now)


def with_objectives(*scores):
    told = a_study(directions=("Maximize", "Minimize"), trials=max(len(scores), 2))
    for first, second in scores:
        name = told.starts()
        told.study.report(name, {"score0": first, "score1": second}, told.tick())
        told.lets_go(name)
    return told


def front_of(*scores):
    return {(r.metrics["score0"], r.metrics["score1"]) for r in report_of(with_objectives(*scores)).pareto_front}


def test_phases_follow_the_experiment():
    told = a_study()
    assert report_of(told).phase is Phase.STARTING
    told.starts()
    assert report_of(told).phase is Phase.RUNNING
    told.finish(Outcome(succeeded=True, reason="TrialsDone", message="1 trial"), told.tick())
    report = report_of(told)
    assert (report.phase, report.progress.percent, report.outcome.reason) == (Phase.FINISHED, 100, "TrialsDone")
    assert (report.uid, report.attempt, report.sequence) == ("u", 2, 7)


def test_every_trial_is_in_exactly_one_count():
    told = a_study(trials=8, parallel=3)
    told.starts_all()
    told.completes("t0000", 1.0)
    told.fails("t0001")
    told.starts()
    counts = report_of(told).trials
    assert (counts.total, counts.pending, counts.running, counts.succeeded, counts.failed) == (8, 0, 2, 1, 1)
    assert counts.finished + counts.running + counts.pending + counts.paused == len(told.trials)


def test_top_trials_are_sorted_and_the_best_is_the_first_of_them():
    told = a_study(trials=8)
    for score in (0.3, 0.9, 0.1, 0.5, 0.7, 0.2, 0.8):
        told.completes(told.starts(), score)
    report = report_of(told)
    assert [result.metrics["score0"] for result in report.top] == [0.9, 0.8, 0.7, 0.5, 0.3]
    assert report.best == report.top[0]


def test_smaller_is_better_where_the_objective_says_so():
    told = a_study(directions=("Minimize",))
    for score in (0.3, 0.1, 0.5):
        told.completes(told.starts(), score)
    assert report_of(told).best.metrics == {"score0": 0.1}


def test_a_trial_that_failed_is_never_the_best():
    told = a_study()
    told.completes(told.starts(), 0.5)
    failing = told.starts()
    told.reports(failing, 0.99)
    assert report_of(told).best.trial == failing
    told.fails(failing)
    report = report_of(told)
    assert report.best.trial == "t0000"
    assert [result.trial for result in report.top] == ["t0000"]


def test_the_checkpoint_of_a_result_is_the_nearest_at_or_before_it():
    told = a_study()
    name = told.starts()
    told.reports(name, 0.1, 0.2)
    before = told.saves(name)
    told.reports(name, 0.9, 0.3)
    told.saves(name)
    best = report_of(told).best
    assert (best.iteration, best.checkpoint) == (3, before)


@pytest.mark.parametrize(
    ("scores", "front"),
    [
        ([(1, 1)], {(1, 1)}),
        ([(1, 1), (2, 2)], {(1, 1), (2, 2)}),
        ([(1, 1), (2, 1)], {(2, 1)}),
        ([(1, 2), (1, 1)], {(1, 1)}),
        ([(1, 1), (1, 2)], {(1, 1)}),
        ([(3, 3), (2, 2), (1, 1), (2, 3)], {(3, 3), (2, 2), (1, 1)}),
        ([(1, 1), (1, 1)], {(1, 1)}),
        ([(-1, 0), (0, -1), (0, 0)], {(0, -1)}),
    ],
)
def test_the_front_holds_what_nothing_beats_in_every_objective(scores, front):
    assert front_of(*scores) == front


def test_there_is_no_front_with_one_objective():
    told = a_study()
    told.completes(told.starts(), 1.0)
    assert report_of(told).pareto_front == []


def test_percent_counts_iterations_where_they_are_limited_and_trials_where_not():
    limited = a_study(trials=2, iterations=10)
    limited.starts()
    limited.reports("t0000", *[1.0] * 5)
    assert report_of(limited).progress.percent == 25

    free = a_study(trials=4)
    free.completes(free.starts(), 1.0)
    assert report_of(free).progress.percent == 25


def test_the_time_left_follows_from_the_pace_and_is_unknown_before_there_is_one():
    told = a_study(trials=4)
    assert report_of(told).progress.eta_seconds is None
    told.completes(told.starts(), 1.0)
    begun = told.of_kind("attempt")[0].time
    assert report_of(told, now=begun + 100).progress.eta_seconds == 300


def test_names_of_metrics_are_shown_in_bounds_with_the_objectives_first():
    told = a_study()
    name = told.starts()
    told.reports(name, 0.5, **{f"m{number:02d}": 1.0 for number in range(40)})
    report = report_of(told)
    assert len(report.best.metrics) == METRICS_SHOWN
    assert next(iter(report.best.metrics)) == "score0"
    assert len(report.metrics_seen) == 32


POPULATION = {"scheduler": {"pbt": {"perturbationInterval": 1}}}
FRONT = {"directions": ("Maximize", "Minimize", "Maximize")}


def a_crowd(trials, **spec):
    """A study of many trials with long names, errors, metrics and exploits, told by records alone."""
    parameters = [a_double(f"a-parameter-with-a-long-name-{number:02d}") for number in range(16)]
    crowd = a_spec(*parameters, trials=trials, parallel=100, iterations=4, **spec)
    told = ToldStudy(crowd, scheduler=Silent()).begins()
    drawn = random.Random(1)
    values = {f"a-parameter-with-a-long-name-{number:02d}": drawn.random() for number in range(16)}
    metrics = {f"another-metric-with-a-long-name-{number:02d}": drawn.random() for number in range(METRICS_SHOWN - 3)}
    step = ExploitStep(
        donor="t0000",
        donor_iteration=1,
        checkpoint="trials/" + "x" * 200,
        values=values,
        changed={name: [value, value / 2] for name, value in values.items()},
    )
    records = []
    for number in range(trials):
        name, at = f"t{number:04d}", START + number
        scores = {"score0": drawn.random(), "score1": drawn.random(), "score2": drawn.random()}
        records.append(TrialProposed(time=at, trial=name, values=values))
        records.append(RunStarted(time=at, trial=name))
        result = TrialReported(time=at, trial=name, iteration=1, metrics={**metrics, **scores})
        records.append(result.model_copy(update={"decision": "Exploit", "exploit": step} if number % 2 else {}))
        if number % 3 == 0:
            records.append(TrialEnded(time=at, trial=name, ending="Failed", cause="Exception", message="é" * 1024))
    told.study.replay(records)
    return told


class Silent:
    """No scheduler at all: its study is told what was decided."""

    def __getattr__(self, name):
        return lambda *args, **more: []


@pytest.mark.parametrize("spec", [POPULATION, FRONT], ids=["a population", "a front"])
def test_ten_thousand_trials_make_a_report_no_larger_than_a_thousand_do_and_soon_enough(spec):
    few, many = a_crowd(1_000, **spec), a_crowd(10_000, **spec)
    start = time.process_time()
    report = report_of(many)
    seconds = time.process_time() - start

    assert len(encode(report)) < 96 * 1024
    assert len(encode(report)) < 1.1 * len(encode(report_of(few)))
    assert (len(report.top), len(report.failures)) == (TOP_TRIALS, FAILURES_SHOWN)
    if report.population:
        assert (len(report.population.lineage), report.population.exploits) == (LINEAGE_STEPS, 5000)
    else:
        assert len(report.pareto_front) == FRONT_POINTS
    assert decode(encode(report)) == report
    assert seconds < 2


def test_a_report_has_no_number_that_json_cannot_say():
    told = a_study()
    name = told.starts()
    told.reports(name, 1e308, other=math.inf)
    told.reports(name, -1e308)
    assert decode(encode(report_of(told))).best.metrics == {"score0": 1e308}


def test_wanted_workers_follow_the_trials_that_may_yet_run():
    told = a_study(trials=5, parallel=4, workers={"trialsPerWorker": 2})
    assert report_of(told).wanted_workers == 2
    for name in told.starts_all()[:3]:
        told.completes(name, 1.0)
    assert report_of(told).wanted_workers == 1
    told.finish(Outcome(succeeded=True, reason="TrialsDone", message="3 trials"), told.tick())
    assert report_of(told).wanted_workers is None


def test_trials_that_wait_for_their_rung_keep_their_workers_wanted():
    told = a_study(trials=9, parallel=3, iterations=9, scheduler={"hyperband": {"reductionFactor": 3}})
    wanted, are_paused = [], []
    while told.starts_all() or any(trial.live for trial in told.trials.values()):
        running = [trial.name for trial in told.trials.values() if trial.live]
        for name in running:
            goes_on = told.reports(name, float(name[1:]))
            told.saves(name)
            if not goes_on:
                told.lets_go(name)
            wanted.append(report_of(told).wanted_workers)
            are_paused.append(report_of(told).trials.paused > 0)
    assert wanted == sorted(wanted, reverse=True), "none goes to come again"
    assert (wanted[0], wanted[-1], any(are_paused)) == (3, 0, True)


def test_no_workers_are_wanted_where_the_driver_runs_the_trials():
    assert report_of(a_study(workers={"max": 0})).wanted_workers is None


def test_idle_workers_are_named_in_bounds():
    told = a_study()
    names = [f"worker-{number}" for number in range(200)]
    report = make_report(told.study, uid="u", attempt=1, sequence=1, now=told.now, idle_workers=names)
    assert report.idle_workers == names[:64]


def test_what_is_remarked_at_the_end_stands_behind_the_outcome_and_changes_nothing_else():
    told = a_study(trials=2)
    told.completes(told.starts(), 1.0)
    remarked = partial(make_report, told.study, uid="", attempt=1, sequence=1, now=told.now)
    assert remarked(remark="no page").outcome is None
    told.study.finish(Outcome(succeeded=True, reason="TrialsDone", message="1 of 1"), told.now)
    assert remarked(remark="no page").outcome.message == "1 of 1; no page"
    assert len(remarked(remark="x" * 2000).outcome.message) == 1024
    assert remarked(remark="no page").model_copy(update={"outcome": told.study.outcome}) == remarked()
