"""The table of trials says what the runtime's own fold of the same records knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.api.catalogue import SchedulerKind
from luthier.cli.trial_rows import trial_rows
from support.builders import a_block, a_double, a_spec
from support.studies import DrawnEngine, ToldStudy

KINDS = [kind for kind in SchedulerKind if kind is not SchedulerKind.REPLAY]


def rows_of(told):
    return {row.trial: row for row in trial_rows(told.records, told.spec.objectives)}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), moves=st.integers(5, 200), drivers=st.integers(1, 3))
def test_every_row_is_what_the_fold_has_of_that_trial(seed, kind, moves, drivers):
    told = ToldStudy(a_spec(a_double("x"), scheduler=a_block(kind), trials=6, parallel=3, iterations=8)).begins()
    DrawnEngine(told, seed, edits=0.02).play(moves)
    for _ in range(drivers - 1):
        told = told.again().begins(trials=9, iterations_per_trial=12)
        DrawnEngine(told, seed + 1).play(moves)
    rows = rows_of(told)
    assert list(rows) == list(told.study.trials)
    last = told.records[-1].time
    for name, trial in told.study.trials.items():
        row = rows[name]
        if not (trial.state == "Waiting" and row.state == "Succeeded"):  # deepened, and not begun yet
            assert row.state == trial.state
        running = last - trial.since if trial.state == "Running" else 0
        assert row.seconds == pytest.approx(trial.seconds + running)
        assert (row.iteration, row.retries) == (trial.iteration, trial.retries)
        assert row.parameters == trial.values
        assert row.checkpoints == [saved.checkpoint for saved in trial.saved]
        assert row.best_iteration == (trial.best.iteration if trial.best else 0)


def test_a_row_says_why_a_trial_failed_and_whom_it_copied():
    told = ToldStudy(a_spec(a_double("x"), trials=2)).begins()
    told.fails(told.starts(), "Exception", "first line\nValueError: no luck")
    row = rows_of(told)["t0000"]
    assert (row.state, row.cause) == ("Failed", "Exception")
    assert row.to_json()["message"].endswith("no luck")
