"""Situations of an experiment, written as sentences: `an_observation(a_running_driver(), a_report(done=3))`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from luthier.api import keys
from luthier.api.manifest import Experiment, parse
from luthier.api.status import Status, StatusCondition, TrialCounts, TrialResult, Usage
from luthier.api.wire import Outcome, Phase, Report
from luthier.operator.contact import Contact
from luthier.operator.observation import (
    Exit,
    Identity,
    Observation,
    Pod,
    PodState,
    Presence,
    Refusal,
    Things,
    Trouble,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
UID = "12345678-aaaa-bbbb-cccc-1234567890ab"
IDENTITY = Identity(name="digits", namespace="team-a", uid=UID, generation=1)

Json = dict[str, Any]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def in_(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_manifest(**spec: Any) -> Json:
    """A small valid manifest; keyword arguments replace parts of its spec."""
    return {
        "apiVersion": keys.API_VERSION,
        "kind": keys.KIND,
        "metadata": {"name": "digits", "namespace": "team-a", "uid": UID, "generation": 1},
        "spec": {
            "objectives": [{"metric": "accuracy", "direction": "Maximize"}],
            "parameters": [{"name": "lr", "type": "Double", "min": 0.001, "max": 1, "scale": "Log"}],
            "budget": {"trials": 8, "parallelTrials": 2},
            "trial": {"function": "train:train"},
            **spec,
        },
    }


def an_experiment(**spec: Any) -> Experiment:
    return parse(a_manifest(**spec))


def a_pod(role: str, state: PodState, attempt: int, index: int, **facts: Any) -> Pod:
    infix = f"driver-{attempt}" if role == keys.ROLE_DRIVER else f"worker-{attempt}-{index}"
    defaults: Json = {"created": ago(120), "started": ago(100) if state is not PodState.PENDING else None}
    return Pod(
        name=f"digits-12345-{infix}",
        uid=f"uid-{infix}",
        role=role,
        attempt=attempt,
        index=index,
        state=state,
        **{**defaults, **facts},
    )


def a_driver(state: PodState = PodState.RUNNING, attempt: int = 1, **facts: Any) -> Pod:
    ready = state is PodState.RUNNING
    return a_pod(keys.ROLE_DRIVER, state, attempt, 0, **{"ready": ready, "ip": "10.0.0.9", **facts})


def a_driver_that_ended(code: int, *, seconds_ago: float = 1, attempt: int = 1, message: str = "", **facts: Any) -> Pod:
    end = Exit(code, "Completed" if code == 0 else "Error", message, ago(seconds_ago))
    return a_driver(PodState.ENDED, attempt, exit=end, ready=False, **facts)


def a_worker(index: int, state: PodState = PodState.RUNNING, attempt: int = 1, **facts: Any) -> Pod:
    return a_pod(keys.ROLE_WORKER, state, attempt, index, **{"ready": state is PodState.RUNNING, **facts})


def a_worker_that_ended(index: int, *, seconds_ago: float, ran_seconds: float, attempt: int = 1) -> Pod:
    end = Exit(1, "Error", "", ago(seconds_ago))
    return a_worker(index, PodState.ENDED, attempt, exit=end, started=ago(seconds_ago + ran_seconds))


def a_report(phase: Phase = Phase.RUNNING, *, done: int = 0, running: int = 2, **facts: Any) -> Report:
    """A driver's report; `attempt`, `sequence` and all else by keyword."""
    defaults: Json = {
        "uid": UID,
        "attempt": 1,
        "generation": 1,
        "sequence": 10,
        "phase": phase,
        "trials": TrialCounts(total=8, running=running, succeeded=done, pending=8 - done - running),
        "usage": Usage(trial_seconds=30, gpu_seconds=7200, running_seconds=15),
        "last_result_time": ago(3),
    }
    return Report(**{**defaults, **facts})


def a_best(value: float = 0.9712345) -> TrialResult:
    return TrialResult(trial="t0003", iteration=4, parameters={"lr": 0.1}, metrics={"accuracy": value})


def an_outcome(reason: str = "TrialsDone", *, succeeded: bool = True) -> Outcome:
    return Outcome(succeeded=succeeded, reason=reason, message=f"it ended because of {reason}")


def trouble(reason: str, *, seconds_ago: float = 60) -> Trouble:
    return Trouble(reason, f"because of {reason}", ago(seconds_ago))


def a_refusal(name: str, reason: str = "QuotaExceeded", *, retry_in: float = 4, failures: int = 2) -> Refusal:
    return Refusal("Pod", name, reason, f"the server says {reason}", failures, in_(retry_in))


def a_status(*conditions: StatusCondition, **fields: Any) -> Status:
    return Status(conditions=list(conditions), **fields)


def a_condition(type_: str, status: str = "True", reason: str = "Because", *, since: float = 30) -> StatusCondition:
    return StatusCondition.model_validate(
        {"type": type_, "status": status, "reason": reason, "message": "so it is", "lastTransitionTime": ago(since)}
    )


EVERYTHING_IS_THERE = Things(Presence.PRESENT, Presence.PRESENT, Presence.PRESENT, "Bound", Presence.PRESENT)
NOTHING_IS_THERE = Things(Presence.MISSING, Presence.MISSING, Presence.MISSING, None, Presence.PRESENT)


def an_observation(
    *pods: Pod,
    report: Report | None = None,
    last_words: Report | None = None,
    previous: Status | None = None,
    refusals: tuple[Refusal, ...] = (),
    things: Things = EVERYTHING_IS_THERE,
    unreachable_for: float | None = None,
    generation: int = 1,
    is_deleted: bool = False,
    **spec: Any,
) -> Observation:
    """All that was seen of one experiment; what is not said is as in a healthy namespace."""
    since = None if unreachable_for is None else ago(unreachable_for)
    drivers = tuple(pod for pod in pods if pod.role == keys.ROLE_DRIVER)
    attempt = max((pod.attempt for pod in drivers), default=0)
    return Observation(
        identity=replace(IDENTITY, generation=generation, is_deleted=is_deleted),
        experiment=an_experiment(**spec),
        previous=previous or Status(),
        drivers=drivers,
        workers=tuple(pod for pod in pods if pod.role == keys.ROLE_WORKER),
        things=things,
        contact=Contact(attempt=attempt, report=report, unreachable_since=since, problem="no route to host"),
        last_words=last_words,
        refusals=refusals,
    )


def a_started_status(**fields: Any) -> Status:
    """What status says while the search runs."""
    return a_status(a_condition("Running", reason="SearchRunning"), **{"attempt": 1, "start_time": ago(300), **fields})
