"""A driver may die after any record: whoever reads the ledger stands where it stood, and goes on to the same end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.api.catalogue import SCHEDULERS, SchedulerKind
from luthier.trial.trial_state import State
from support.builders import SCHEDULER_KINDS, a_block, a_categorical, a_double, a_spec, an_integer, only_when
from support.studies import DrawnEngine, ToldStudy, picture

every_kind = pytest.mark.parametrize("kind", SCHEDULER_KINDS, ids=lambda kind: kind.value)
seeds = st.integers(0, 2**32)
EXAMPLES = {SchedulerKind.PB2: 2}
RANGED = (a_double("x"), an_integer("n", 1, 20))
LATER = {"trials": 10, "iterations_per_trial": 41}
CONDITIONAL = (*RANGED, a_categorical("kind", "a", "b"), a_double("y", **only_when("kind", "a")))


def a_study(kind, *, trials=7, slots=3, iterations=8, algorithm="Random", retries=1):
    is_simple = SCHEDULERS[kind].only_ranged or algorithm not in ("Random", "TPE")
    parameters = RANGED if is_simple else CONDITIONAL
    spec = a_spec(
        *parameters,
        scheduler=a_block(kind, *parameters),
        trials=trials,
        parallel=slots,
        iterations=iterations,
        algorithm=algorithm,
    )
    tolerant = spec.budget.model_copy(update={"failed_trials": 100})
    trial = spec.trial.model_copy(update={"retries": retries})
    return ToldStudy(spec.model_copy(update={"budget": tolerant, "trial": trial}))


def ended(told):
    return {name: trial for name, trial in told.trials.items() if trial.is_over}


def for_every(kind, check):
    settings(max_examples=EXAMPLES.get(kind, 12), derandomize=True)(given(seeds, seeds)(check))()


@every_kind
def test_reading_the_whole_ledger_gives_the_state_that_wrote_it(kind):
    def check(seed, moves):
        live = a_study(kind).begins()
        DrawnEngine(live, seed).play(moves % 150)
        read = live.again()
        assert picture(read.begins()) == picture(live.begins())

    for_every(kind, check)


@every_kind
def test_wherever_the_ledger_ends_the_next_attempt_brings_every_trial_to_its_end_and_repeats_none(kind):
    def check(seed, cut):
        live = a_study(kind).begins()
        DrawnEngine(live, seed).play()
        read = live.again(upto=cut % (len(live.records) + 1))
        before = {name: (trial.state, trial.iteration, trial.metrics) for name, trial in ended(read).items()}
        known = len(read.records)

        DrawnEngine(read.begins(), seed + 1).play()

        assert len(read.trials) == 7
        assert len(ended(read)) == 7
        after = {name: (trial.state, trial.iteration, trial.metrics) for name, trial in ended(read).items()}
        assert before.items() <= after.items()
        assert not [r for r in read.records[known:] if r.kind in ("run", "result") and r.trial in before]

    for_every(kind, check)


@every_kind
def test_many_deaths_lead_to_the_same_counts_and_the_last_reader_knows_it_all(kind):
    def check(seed, moves):
        told = a_study(kind, trials=5)
        for attempt in range(6):
            DrawnEngine(told.begins(), seed + attempt).play(moves % 40)
            told = told.again()
        DrawnEngine(told.begins(), seed).play()

        assert len(ended(told)) == len(told.trials) == 5
        assert told.outcome.reason == (
            "TrialsDone" if told.count(State.SUCCEEDED, State.STOPPED) else "NoTrialSucceeded"
        )
        assert picture(told.again().begins()) == picture(told.begins())

    for_every(kind, check)


@every_kind
def test_no_result_is_counted_twice_however_often_a_trial_is_interrupted(kind):
    def check(seed, moves):
        told = a_study(kind, trials=4)
        for attempt in range(4):
            DrawnEngine(told.begins(), seed + attempt).play(moves % 40)
            told = told.again()
        for name, trial in told.trials.items():
            counted = [r.iteration for r in told.of_kind("result") if r.trial == name]
            assert counted == list(range(1, trial.iteration + 1))

    for_every(kind, check)


@every_kind
def test_an_ended_experiment_goes_on_wherever_its_ledger_is_cut_and_repeats_nothing(kind):
    def check(seed, cut):
        told = a_study(kind)
        told.begins()
        DrawnEngine(told, seed, edits=0.05).play()
        told = told.again().begins(**LATER)
        DrawnEngine(told, seed + 1).play(moves=cut % 150)
        read = told.again(upto=len(told.records) - cut % 20).begins(**LATER)
        assert picture(read.again().begins(**LATER)) == picture(read.begins(**LATER))

        DrawnEngine(read, seed + 2).play()

        assert len(ended(read)) == len(read.trials) == 10
        assert read.outcome.reason in ("TrialsDone", "NoTrialSucceeded")
        for name, trial in read.trials.items():
            counted = [r.iteration for r in read.of_kind("result") if r.trial == name]
            assert counted == list(range(1, trial.iteration + 1))

    for_every(kind, check)


@pytest.mark.parametrize("algorithm", ["Random", "Sobol", "TPE", "CMAES"])
def test_a_reader_proposes_what_the_dead_driver_would_have_proposed(algorithm):
    def values(told):
        return [r.values for r in told.of_kind("trial")]

    def played(told, trials):
        while len(told.of_kind("end")) < trials:
            name = told.starts()
            told.completes(name, told.trials[name].values["x"])
        return told

    parameters = {"kind": SchedulerKind.NONE, "trials": 12, "slots": 1, "iterations": None, "algorithm": algorithm}
    uninterrupted = played(a_study(**parameters).begins(), 12)
    restarted = played(played(a_study(**parameters).begins(), 5).again().begins(), 12)
    assert values(restarted) == values(uninterrupted)


def test_an_exhausted_grid_stays_exhausted_for_every_reader():
    spec = a_spec(an_integer("n", 1, 3), algorithm="Grid", trials=10, parallel=2, iterations=1)
    told = ToldStudy(spec).begins()
    DrawnEngine(told, 1, lambda trial, iteration: float(iteration)).play()

    assert told.outcome.reason in ("SpaceExhausted", "TrialsDone")
    for cut in range(len(told.records)):
        read = told.again(upto=cut).begins()
        DrawnEngine(read, cut).play()
        assert sorted(trial.values["n"] for trial in read.trials.values()) == [1, 2, 3]
        assert read.exhausted
