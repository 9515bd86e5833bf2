"""What an experiment did and what it cost in vain, as the ledger's records tell it."""

from __future__ import annotations

import pytest

from luthier.api.status import RUNGS_SHOWN, Activity, RungCount
from luthier.api.wire import MAX_TERMINATION_BYTES, decode, encode_termination
from luthier.trial.records import ExploitStep
from luthier.trial.reporting import make_report
from luthier.trial.schedulers.rungs import RungTally
from luthier.trial.tally import Tally
from luthier.trial.trial_state import Saved, TrialState
from support.builders import a_double, a_spec
from support.studies import ToldStudy


def a_study(*, gpu=0.0, retries=0, **spec):
    made = a_spec(a_double("x"), **{"trials": 8, "parallel": 2, "iterations": None, **spec})
    resources = made.trial.resources.model_copy(update={"gpu": gpu})
    trial = made.trial.model_copy(update={"resources": resources, "retries": retries})
    return ToldStudy(made.model_copy(update={"trial": trial})).begins()


def report_of(told):
    return make_report(told.study, uid="u", attempt=1, sequence=1, now=told.now)


def wasted(told):
    return report_of(told).usage.wasted_trial_seconds


def test_only_a_result_that_beats_all_before_it_is_an_improvement():
    told = a_study()
    told.starts_all()
    told.reports("t0000", 0.5)
    first = told.now
    told.reports("t0001", 0.4)
    told.reports("t0001", 0.45)
    assert told.study.tally.improved_at == first
    told.reports("t0001", 0.6)
    assert told.study.tally.improved_at == told.now
    assert report_of(told).last_improvement_time.timestamp() == told.now


def test_a_trial_that_succeeds_wastes_nothing():
    told = a_study()
    told.completes(told.starts(), 0.5)
    assert wasted(told) == {}


def test_all_that_a_failed_trial_took_is_wasted():
    told = a_study(gpu=2)
    name = told.starts()
    told.reports(name, 0.5)
    told.saves(name)
    told.fails(name)
    assert wasted(told) == {"Failed": 3.0}
    assert report_of(told).usage.wasted_gpu_seconds == {"Failed": 6.0}


def test_a_lost_run_wastes_what_it_had_not_saved_and_that_only_once():
    told = a_study(retries=1)
    name = told.starts()
    told.reports(name, 0.1)
    told.saves(name)
    told.reports(name, 0.2)
    told.fails(name, "NodeLost")
    assert wasted(told) == {"Disrupted": 2.0}
    told.starts()
    told.tick(10)
    told.fails(name, "Exception")
    assert wasted(told) == {"Disrupted": 2.0, "Failed": 11.0}
    told.starts()
    told.fails(name, "Exception")
    assert sum(wasted(told).values()) == pytest.approx(report_of(told).usage.trial_seconds)
    assert report_of(told).activity.retries == {"NodeLost": 1, "Exception": 1}


def test_a_lost_driver_wastes_what_its_runs_had_not_saved():
    told = a_study()
    name = told.starts()
    told.reports(name, 0.1)
    told.saves(name)
    told.reports(name, 0.2, 0.3)
    again = told.again().begins()
    assert wasted(again) == {"Disrupted": 2.0}


def test_a_result_that_stood_is_not_wasted_by_a_failure_after_the_end_was_moved():
    told = a_study(trials=2, iterations=2)
    for name in told.starts_all():
        told.reports(name, 0.1, 0.2)
        told.saves(name)
        told.lets_go(name)
    told.ends()
    again = told.again().begins(iterations_per_trial=4)
    name = again.starts()
    again.fails(name, "NotFinite")
    assert wasted(again) == {"Failed": 1.0}


def test_early_stops_and_rungs_are_counted():
    told = a_study(trials=9, parallel=9, iterations=9, scheduler={"asha": {"gracePeriod": 1, "reductionFactor": 3}})
    for number, name in enumerate(told.starts_all()):
        told.reports(name, 1.0 - number / 10)
    counts = report_of(told).activity.rungs
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in counts] == [(1, 1, 8)]
    assert wasted(told)["EarlyStopped"] > 8
    told.reports("t0000", *[0.9] * 8)
    counts = report_of(told).activity.rungs
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in counts] == [(1, 1, 8), (3, 1, 0)]


def test_hyperband_counts_at_its_rungs():
    told = a_study(trials=9, parallel=9, iterations=9, scheduler={"hyperband": {"reductionFactor": 3}})
    for number, name in enumerate(told.starts_all()):
        told.reports(name, 1.0 - number / 10)
    counts = report_of(told).activity.rungs
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in counts] == [(1, 3, 6)]


def test_copies_and_changes_are_counted():
    told = a_study(trials=4, parallel=4, iterations=8, scheduler={"pbt": {"perturbationInterval": 1}})
    names = told.starts_all()
    for name in reversed(names):
        told.reports(name, float(name[1:]))
        told.saves(name)
    activity = report_of(told).activity
    copies = told.study.exploits
    assert activity.exploits == len(copies) > 0
    assert activity.explores == sum(bool(record.exploit.changed) for record in copies)


def a_population():
    told = a_study(trials=4, parallel=4, iterations=8, gpu=1, scheduler={"pbt": {"perturbationInterval": 2}})
    return told, told.starts_all()


def test_what_a_loser_had_trained_is_wasted_at_its_copy_and_not_again_when_it_fails():
    told, names = a_population()
    for name in reversed(names):
        told.reports(name, float(name[1:]))
        told.saves(name)
        told.reports(name, float(name[1:]))
        if told.study.exploits:
            break
        told.saves(name)
    (copy,) = told.study.exploits
    loser = told.study.trials[copy.trial]
    assert wasted(told) == {"Exploited": loser.seconds}
    assert report_of(told).usage.wasted_gpu_seconds == {"Exploited": loser.seconds}
    told.lets_go(loser.name)
    assert told.starts() == loser.name
    told.fails(loser.name)
    assert wasted(told)["Failed"] == 1.0


def test_what_others_have_copied_of_a_trial_is_not_wasted_when_it_takes_over_weights_itself():
    tally, donor, loser = Tally(), TrialState("t0000", {}, seconds=50.0), TrialState("t0001", {}, seconds=30.0)
    donor.saved.append(Saved(4, "trials/a/4", seconds=40.0))
    tally.count_exploit(loser, donor, ExploitStep(donor="t0000", donor_iteration=4, checkpoint="trials/a/4", values={}))
    assert tally.wasted == {"Exploited": 30.0}
    better = TrialState("t0002", {})
    tally.count_exploit(donor, better, ExploitStep(donor="t0002", donor_iteration=9, checkpoint="gone", values={}))
    assert tally.wasted == {"Exploited": 40.0}


def test_a_trial_that_goes_on_past_what_was_the_end_is_promoted_there_once():
    told = a_study(trials=3, parallel=3, iterations=3, scheduler={"asha": {"gracePeriod": 1, "reductionFactor": 3}})
    for number, name in enumerate(told.starts_all()):
        told.reports(name, *[1.0 - number / 10] * 3)
        told.saves(name)
        told.lets_go(name)
    told.ends()
    before = report_of(told).activity.rungs
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in before] == [(1, 1, 2)]
    again = told.again().begins(iterations_per_trial=9)
    again.reports(again.starts(), 0.9)
    rungs = report_of(again).activity.rungs
    assert [(rung.iterations, rung.promoted, rung.stopped) for rung in rungs] == [(1, 1, 2), (3, 1, 0)]
    assert report_of(again.again()).activity.rungs == rungs


def test_checkpoints_are_counted_with_their_bytes_and_seconds_and_what_went_wrong():
    told = a_study()
    name = told.starts()
    told.reports(name, 0.1)
    told.study.saved(name, "trials/a/1", told.tick(), size=1000, seconds=0.5)
    told.reports(name, 0.2)
    told.study.saved(name, "trials/a/2", told.tick(), size=500, seconds=0.25)
    told.fails(name, "StorageFull")
    told.starts()
    told.fails(name, "BadCheckpoint", "torn")
    counts = report_of(told).activity.checkpoints
    assert (counts.saved, counts.bytes, counts.seconds, counts.failures) == (2, 1500, 0.75, 2)


def test_a_new_driver_counts_the_same():
    told = a_study(retries=2, trials=4, iterations=4, scheduler={"asha": {"gracePeriod": 1, "reductionFactor": 2}})
    for number, name in enumerate(told.starts_all()):
        told.reports(name, float(number))
        told.saves(name)
        told.fails(name, "Evicted" if number else "Exception")
    again = told.again()
    assert report_of(again).activity == report_of(told).activity
    assert vars(again.study.tally) == vars(told.study.tally)


def test_rungs_survive_their_own_state():
    tally, again = RungTally(), RungTally()
    tally.promote(3)
    tally.stop(1)
    tally.stop(3)
    again.restore(tally.state())
    assert (
        again.counts()
        == tally.counts()
        == [RungCount(iterations=1, stopped=1), RungCount(iterations=3, promoted=1, stopped=1)]
    )


def test_a_termination_message_leaves_numbers_out_before_the_outcome():
    told = a_study()
    told.completes(told.starts(), 0.5)
    rungs = [RungCount(iterations=2**53 - i, promoted=2**53, stopped=2**53) for i in range(RUNGS_SHOWN)]
    retries = {"c" * 60 + str(i): 2**53 for i in range(32)}
    report = report_of(told).model_copy(update={"activity": Activity(retries=retries, rungs=rungs)})
    data = encode_termination(report)
    assert len(data) <= MAX_TERMINATION_BYTES
    assert decode(data).activity is None
    assert decode(data).best == report.best
