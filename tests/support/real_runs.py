"""Experiments that tests run on a real Ray, and what their ledgers say."""

from __future__ import annotations

from luthier.api.manifest import parse
from luthier.trial import ledger
from luthier.trial.engine import Engine

X = {"name": "x", "type": "Double", "min": -1, "max": 1}
LR = {"name": "lr", "type": "Double", "min": 0, "max": 1}


def an_experiment(
    function=None,
    *,
    command=None,
    metric="loss",
    direction="Minimize",
    parameters=(X,),
    scheduler=None,
    retries=0,
    trial=None,
    **budget,
):
    """An experiment on one of `support.trainables`, or on a program."""
    what = {"command": command} if command else {"function": f"support.trainables:{function}"}
    spec = {
        "objectives": [{"metric": metric, "direction": direction}],
        "parameters": list(parameters),
        "budget": budget,
        "trial": {**what, "resources": {"cpu": 0.1}, "retries": retries, **(trial or {})},
    }
    if scheduler:
        spec["scheduler"] = scheduler
    return parse({"metadata": {"name": "test"}, "spec": spec})


def a_population(function="Weights", **more):
    """An experiment under PBT whose members look at each other after every second iteration."""
    settings = {
        "parameters": (LR,),
        "metric": "score",
        "direction": "Maximize",
        "scheduler": {"pbt": {"perturbationInterval": 2}},
        "trials": 4,
        "parallelTrials": 2,
        "iterationsPerTrial": 8,
    }
    return an_experiment(function, **{**settings, **more})


def run(experiment, directory, attempt=1, on_report=lambda report: None):
    return Engine(experiment, directory, attempt, on_report).run()


def run_and_stop(experiment, directory, attempt, is_time):
    """Run until a report for which it is time to stop; return the last report."""
    engine = Engine(experiment, directory, attempt, lambda report: engine.stop() if is_time(report) else None)
    return engine.run()


def records(directory, kind):
    return [record for record in ledger.read(directory) if record.kind == kind]


def results_of(directory):
    """Metrics by trial and iteration."""
    return {(record.trial, record.iteration): record.metrics for record in records(directory, "result")}


def exploits_of(directory):
    return [record for record in records(directory, "result") if record.decision == "Exploit"]


def assert_losers_went_on_from_their_donors(directory):
    """The hash of the weights before a loser's next step is that of the donor's after the step it was saved at."""
    results = results_of(directory)
    exploits = exploits_of(directory)
    assert exploits
    followed = [e for e in exploits if (e.trial, e.iteration + 1) in results]
    assert followed
    for record in followed:
        began = results[record.trial, record.iteration + 1]["began"]
        assert began == results[record.exploit.donor, record.exploit.donor_iteration]["ended"]
        assert began != results[record.trial, record.iteration]["ended"]


def assert_everyone_else_went_on_from_where_it_was(directory):
    results = results_of(directory)
    copied = {(record.trial, record.iteration) for record in exploits_of(directory)}
    for (trial, iteration), metrics in results.items():
        if iteration > 1 and (trial, iteration - 1) not in copied:
            assert metrics["began"] == results[trial, iteration - 1]["ended"]
