"""Status has a bound, and what is least missed goes first."""

from __future__ import annotations

import pytest

from luthier.api.failures import Cause
from luthier.api.status import (
    FRONT_POINTS,
    LINEAGE_STEPS,
    METRICS_SHOWN,
    RUNGS_SHOWN,
    Activity,
    Exploit,
    FailedTrial,
    Population,
    RungCount,
    Status,
    TrialResult,
)
from luthier.operator.decide import decide
from luthier.operator.observation import Trouble
from luthier.operator.project import project
from luthier.operator.sizing import MAX_STATUS_BYTES, fitted, size
from luthier.trial.records import Record, RunStarted, TrialEnded, TrialProposed, TrialReported
from luthier.trial.reporting import make_report
from support.builders import a_spec
from support.operator_builders import (
    NOW,
    UID,
    a_condition,
    a_driver,
    a_report,
    a_started_status,
    a_status,
    a_worker,
    ago,
    an_observation,
)
from support.studies import START, ToldStudy


def a_trial(letter: str, value: object, number: int = 0) -> TrialResult:
    names = [f"{letter * 60}{i:03d}" for i in range(64)]
    metrics = dict.fromkeys(names[:METRICS_SHOWN], 1.2345678901234568e-300)
    return TrialResult(
        trial=f"t{number:05d}",
        iteration=10**6,
        parameters=dict.fromkeys(names, value),
        metrics=metrics,
        checkpoint=f"trials/t{number:05d}/" + letter * 100,
    )


def a_wide_status(letter: str, value: object) -> Status:
    """The longest names, values and messages that the contract lets through."""
    trial = a_trial(letter, value)
    changed = {name: [value, value] for name in trial.parameters}
    exploit = Exploit(trial="t1", donor="t2", iteration=1, donor_iteration=1, time=NOW, changed=changed)
    conditions = [a_condition(f"Type{i}").model_copy(update={"message": letter * 4096}) for i in range(6)]
    return a_status(
        *conditions,
        best=trial,
        top=[trial] * 5,
        pareto_front=[trial] * FRONT_POINTS,
        population=Population(lineage=[exploit] * LINEAGE_STEPS),
        failures=[FailedTrial(trial="t1", cause="E" * 63, message=letter * 1024)] * 5,
        failure_counts={f"{letter * 60}{i}": 2**53 for i in range(32)},
        activity=Activity(
            retries={f"{letter * 60}{i}": 2**53 for i in range(32)},
            rungs=[RungCount(iterations=2**53 - i, promoted=2**53, stopped=2**53) for i in range(RUNGS_SHOWN)],
        ),
    )


@pytest.mark.parametrize("letter", ["x", "é", "資", "\U0001f600"])
@pytest.mark.parametrize(
    "value", ["v" * 128, "資" * 128, 1.2345678901234567e-300, True], ids=["text", "wide", "number", "flag"]
)
def test_no_status_is_over_16_kib(letter: str, value: object) -> None:
    status = fitted(a_wide_status(letter, value))
    assert size(status) <= MAX_STATUS_BYTES == 16 * 1024
    assert [c.reason for c in status.conditions] == ["Because"] * 6
    assert status.best is not None
    assert len(status.best.parameters) in (0, 64)


def test_the_winner_s_64_parameters_outlive_all_lists() -> None:
    status = fitted(a_wide_status("x", 1.2345678901234567e-300))
    assert status.best is not None
    assert len(status.best.parameters) == 64
    assert (status.pareto_front, status.population and status.population.lineage) == ([], [])


def test_only_as_much_is_left_out_as_must_be() -> None:
    trial = a_trial("x", 0.5)
    few = a_status(best=trial, top=[trial], failures=[FailedTrial(trial="t1", cause="E", message="m" * 1024)])
    assert fitted(few) == few
    crowded = few.model_copy(update={"pareto_front": [a_trial("y", 0.5, number) for number in range(FRONT_POINTS)]})
    assert fitted(crowded).pareto_front == []
    assert fitted(crowded).top == few.top


def test_a_failures_last_lines_are_kept_of_a_long_message() -> None:
    wide = a_wide_status("x", 0.5)
    told = wide.failures[0].model_copy(update={"message": "m" * 900 + "RuntimeError: on strike"})
    status = fitted(wide.model_copy(update={"failures": [told]}))
    assert [failure.message[-9:] for failure in status.failures] in (["on strike"], [])


def status_of_a_search(trials: int) -> Status:
    """Status as the operator writes it from a real study's report, every third trial of which failed."""
    told = ToldStudy(a_spec(trials=trials, parallel=8))
    values = {f"parameter-with-a-rather-long-name-{number:02d}": 1 / (3 + number) for number in range(64)}
    proposed = TrialProposed(time=START, trial="", values=values)
    failed = TrialEnded(time=START, trial="", ending="Failed", cause=Cause.EXCEPTION, message="é" * 1024)
    reported = TrialReported(time=START, trial="", iteration=1, metrics={"score0": 0.5})
    ended = TrialEnded(time=START, trial="", ending="Succeeded")
    started = RunStarted(time=START, trial="")
    records: list[Record] = []
    for number in range(trials):
        story: list[Record] = [proposed, started, reported, ended] if number % 3 else [proposed, started, failed]
        records += [record.model_copy(update={"trial": f"t{number:05d}"}) for record in story]
    told.study.replay(records)
    report = make_report(told.study, uid=UID, attempt=1, sequence=1, now=START + trials)
    seen = an_observation(
        a_driver(),
        a_worker(0),
        a_worker(1, trouble=Trouble("Unschedulable", "0/9 nodes are available: " * 40, ago(60))),
        report=report,
        previous=a_started_status(),
    )
    return project(seen, decide(seen, NOW), NOW)


def test_a_hundred_thousand_trials_make_a_status_as_small_as_thirty_do() -> None:
    few, many = status_of_a_search(30), status_of_a_search(100_000)
    assert many.trials.finished == 100_000
    assert size(many) <= MAX_STATUS_BYTES
    assert size(many) <= size(few) + 200
    assert many.best is not None
    assert len(many.best.parameters) == 64


def test_a_report_of_many_copies_keeps_the_newest() -> None:
    exploits = [
        Exploit(trial=f"t{i}", donor="t0", iteration=i, donor_iteration=i, time=NOW, checkpoint="c" * 1024)
        for i in range(LINEAGE_STEPS)
    ]
    report = a_report(population=Population(generation=3, exploits=99, lineage=exploits))
    seen = an_observation(a_driver(), a_worker(0), a_worker(1), report=report)
    population = project(seen, decide(seen, NOW), NOW).population
    assert population is not None
    assert 1 <= len(population.lineage) < LINEAGE_STEPS
    assert population.lineage[-1] == exploits[-1]
