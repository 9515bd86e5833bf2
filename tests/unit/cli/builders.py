"""Fixed experiments, reports and statuses for the command line's tests."""

from datetime import UTC, datetime

from luthier.api.experiment import Objective
from luthier.api.manifest import Experiment, parse
from luthier.api.status import (
    Exploit,
    FailedTrial,
    Population,
    Progress,
    Status,
    TrialCounts,
    TrialResult,
    Usage,
    WorkerCounts,
)
from luthier.api.wire import Outcome, Phase, Report

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MANIFEST = {
    "apiVersion": "luthier.dev/v1alpha1",
    "kind": "TuningExperiment",
    "metadata": {"name": "digits"},
    "spec": {
        "objectives": [{"metric": "accuracy", "direction": "Maximize"}],
        "parameters": [
            {"name": "lr", "type": "Double", "min": 0.001, "max": 1.0, "scale": "Log"},
            {"name": "momentum", "type": "Double", "min": 0.0, "max": 0.99},
        ],
        "scheduler": {"pbt": {"perturbationInterval": 4}},
        "budget": {"trials": 8, "parallelTrials": 2, "iterationsPerTrial": 40},
        "trial": {"function": "train:Member"},
    },
}
ACCURACY = Objective.model_validate({"metric": "accuracy", "direction": "Maximize"})
BEST = TrialResult(
    trial="t0003",
    iteration=32,
    parameters={"lr": 0.12, "momentum": 0.45},
    metrics={"accuracy": 0.9849, "loss": 0.0612},
    checkpoint="trials/t0003/checkpoint_000008",
)
SECOND = TrialResult(
    trial="t0001", iteration=28, parameters={"lr": 0.1, "momentum": 0.9}, metrics={"accuracy": 0.9732, "loss": 0.09}
)
COPIES = [
    Exploit(trial="t0002", donor="t0001", iteration=4, donor_iteration=4, time=NOW, changed={"lr": [0.08, 0.1]}),
    Exploit(
        trial="t0003",
        donor="t0002",
        iteration=8,
        donor_iteration=8,
        time=NOW,
        changed={"lr": [0.1, 0.12], "momentum": [0.9, 0.45]},
    ),
]


def experiment() -> Experiment:
    return parse(MANIFEST)


def running() -> Report:
    return Report(
        phase=Phase.RUNNING,
        trials=TrialCounts(total=8, running=2, paused=5, succeeded=0, failed=1),
        best=BEST,
        top=[BEST, SECOND],
        progress=Progress(percent=62, eta_seconds=95),
        usage=Usage(trial_seconds=120, running_seconds=61),
        population=Population(generation=7, exploits=2, lineage=COPIES),
        failures=[FailedTrial(trial="t0006", cause="Exception", message="Traceback ...\nValueError: bad width")],
    )


def ended(*, succeeded: bool = True) -> Report:
    outcome = Outcome(
        succeeded=succeeded, reason="TrialsDone", message="8 trials ended: 7 succeeded, 0 stopped early, 1 failed"
    )
    if not succeeded:
        outcome = Outcome(
            succeeded=False, reason="TooManyFailures", message="4 trials failed and the budget tolerates 3"
        )
    return running().model_copy(
        update={
            "phase": Phase.FINISHED,
            "outcome": outcome,
            "trials": TrialCounts(total=8, succeeded=7, failed=1),
            "progress": Progress(percent=100, eta_seconds=0),
        }
    )


def status(*conditions: dict[str, str]) -> Status:
    report = running()
    return Status.model_validate(
        {
            "conditions": [{"lastTransitionTime": NOW.isoformat(), "message": "", **c} for c in conditions],
            "trials": report.trials.to_json(),
            "best": BEST.to_json(),
            "top": [BEST.to_json(), SECOND.to_json()],
            "progress": report.progress.to_json(),
            "usage": report.usage.to_json(),
            "population": report.population.to_json() if report.population else None,
            "failures": [failure.to_json() for failure in report.failures],
            "workers": WorkerCounts(desired=2, ready=2).to_json(),
        }
    )


def condition(type_: str, value: str = "True", reason: str = "Because", message: str = "") -> dict[str, str]:
    return {"type": type_, "status": value, "reason": reason, "message": message}


def as_object(found: Status, name: str = "digits", version: int = 1) -> dict[str, object]:
    """An experiment as the API server gives it, with the keys of maps sorted as Go sorts them."""
    return {
        **MANIFEST,
        "metadata": {"name": name, "namespace": "team", "resourceVersion": str(version)},
        "status": found.to_json(),
    }
