"""What the driver tells the operator and the command line: one versioned document, bounded both ways.

`encode` and `decode` are inverses up to the limit of size, over which the least important
parts are left out. A trial may write anything, so decoding limits size and refuses what is
not finite; the models bound the rest. Nothing here is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from luthier.api.failures import Cause
from luthier.api.status import (
    FAILURES_SHOWN,
    FRONT_POINTS,
    TOP_TRIALS,
    Activity,
    Count,
    EndedBudget,
    FailedTrial,
    FailureCounts,
    Population,
    Progress,
    StatusModel,
    TrialCounts,
    TrialResult,
    Usage,
)

MAX_BYTES = 256 * 1024
"""A progress document never grows with the number of trials; this is far above what an honest one is."""
MAX_TERMINATION_BYTES = 4096
"""What the kubelet keeps of a termination message."""
SHORT_CHARACTERS = 256
"""Of an outcome's message, where there is no room for all of it; a character takes up to six bytes of JSON."""


class WireError(ValueError):
    """The peer sent something that is no progress document."""


class Phase(StrEnum):
    """Where the driver stands."""

    STARTING = "Starting"
    RUNNING = "Running"
    FINISHED = "Finished"


class Outcome(StatusModel):
    """How the search ended."""

    succeeded: bool
    """True when the experiment did what it was asked for."""
    reason: Annotated[str, Field(max_length=63)]
    """TargetReached, TrialsDone, SpaceExhausted, DurationReached, GpuHoursReached, TooManyFailures,
    NoTrialSucceeded, Stopped or BadExperiment."""
    message: Annotated[str, Field(max_length=1024)]
    """A sentence with numbers."""


class Problem(StatusModel):
    """What keeps a running driver from going on."""

    reason: Annotated[str, Field(max_length=63)]
    """CamelCase. Example: `StorageFull`."""
    message: Annotated[str, Field(max_length=1024)]
    """A sentence with numbers."""


class WorkerFact(StatusModel):
    """What only Kubernetes knows of a worker pod: the operator tells it to the driver."""

    name: Annotated[str, Field(max_length=253)]
    """Name of the pod."""
    ip: Annotated[str, Field(max_length=45)] | None = None
    """Its address, by which Ray knows the node."""
    cause: Cause
    """Why it ends, ended or does not come up."""
    message: Annotated[str, Field(max_length=1024)] = ""
    is_leaving: bool = False
    """It has been told to end but still runs: trials on it have until its grace is over."""


class WorkerFacts(StatusModel):
    """All that is to be said of an attempt's worker pods; each fact counts once, however often it is sent."""

    workers: Annotated[list[WorkerFact], Field(max_length=1000)] = []


class NodeWord(StatusModel):
    """What a worker pod says of itself to the driver."""

    name: Annotated[str, Field(max_length=253)]
    """Name of the pod."""
    uid: Annotated[str, Field(max_length=63)] = ""
    """uid of the pod: its name may be another's later on."""
    ip: Annotated[str, Field(max_length=45)]
    """Its address, by which Ray knows the node."""
    oom_kills: Count = 0
    """Processes that the kernel has ended for the pod's memory limit so far."""
    is_leaving: bool = False
    """It was told to end (SIGTERM)."""


class Report(StatusModel):
    """All that the operator projects into status and metrics."""

    version: Literal["v1"] = "v1"
    uid: Annotated[str, Field(max_length=63)] = ""
    """uid of the experiment, so that nobody's report is taken for another's."""
    attempt: Count = 1
    """The driver's attempt."""
    generation: Count = 1
    """Generation of the spec whose budget the driver works with."""
    sequence: Count = 0
    """Grows with every change; a reader that has it needs no new copy."""
    phase: Phase = Phase.STARTING
    outcome: Outcome | None = None
    ended_budget: EndedBudget | None = None
    """Budget that the search ended with; the manifest may say another by now."""
    trials: TrialCounts = TrialCounts()
    best: TrialResult | None = None
    top: Annotated[list[TrialResult], Field(max_length=TOP_TRIALS)] = []
    pareto_front: Annotated[list[TrialResult], Field(max_length=FRONT_POINTS)] = []
    progress: Progress = Progress()
    usage: Usage = Usage()
    population: Population | None = None
    failures: Annotated[list[FailedTrial], Field(max_length=FAILURES_SHOWN)] = []
    failure_counts: FailureCounts = {}
    """Bad ends of runs and of worker pods, by class of failure."""
    problem: Problem | None = None
    """What keeps the search from going on now, if anything does."""
    wanted_workers: Count | None = None
    """Worker pods that the trials that run or could run now would fill; None while the driver can't tell."""
    idle_workers: Annotated[list[Annotated[str, Field(max_length=253)]], Field(max_length=64)] = []
    """Names of worker pods that hold no trial now."""
    lost_workers: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=64)] = []
    """uids of worker pods that were part of Ray and no longer answer: frozen, or cut off."""
    last_result_time: AwareDatetime | None = None
    """When a trial last reported."""
    last_improvement_time: AwareDatetime | None = None
    """When a result last was better than all before it."""
    activity: Activity | None = None
    """What trials did, in numbers that only grow; None where there was no room for it."""
    missing_metric: Annotated[str, Field(max_length=63)] | None = None
    """An objective's metric that results came without, if there is one."""
    metrics_seen: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=32)] = []
    """Names of the metrics that results did carry."""


def encode(report: Report) -> bytes:
    """Return the report as one JSON document."""
    return _fitted(report, MAX_BYTES)


def decode(data: bytes) -> Report:
    """Return the report that a peer sent.

    Raises:
        WireError: too large, not JSON, not finite, or not of this version.
    """
    if len(data) > MAX_BYTES:
        raise WireError(f"progress of {len(data)} bytes is over the limit of {MAX_BYTES}")
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
        if b"\\u" in data:  # half a character, which the API server would store as something else
            json.dumps(document, ensure_ascii=False).encode()
        return Report.model_validate(document)
    except (ValueError, RecursionError, ValidationError) as error:
        raise WireError(f"not a progress document: {str(error)[:500]}") from error


def encode_termination(report: Report) -> bytes:
    """Return the report cut down to what a termination message holds: outcome, counts and best first."""
    return _fitted(report, MAX_TERMINATION_BYTES)


def _fitted(report: Report, limit: int) -> bytes:
    """Return the fullest of the report's abridgements that is not over the limit."""
    for abridged in _abridgements(report):
        data = abridged.model_dump_json(by_alias=True, exclude_none=True).encode()
        if len(data) <= limit:
            return data
    raise AssertionError("the shortest abridgement is bounded below every limit")


def _abridgements(report: Report) -> Iterator[Report]:
    """Yield the report itself, then with ever less of it."""
    yield report
    spared: dict[str, Any] = {"metrics_seen": [], "idle_workers": [], "lost_workers": []}
    report = report.model_copy(update={"top": [], "pareto_front": [], **spared})
    yield report
    population = report.population and report.population.model_copy(update={"lineage": []})
    report = report.model_copy(update={"failures": [], "population": population})
    yield report
    report = report.model_copy(update={"activity": None})
    yield report
    yield report.model_copy(update={"outcome": _shortened(report.outcome)})
    yield report.model_copy(update={"outcome": _shortened(report.outcome), "best": None, "missing_metric": None})


def _shortened(outcome: Outcome | None) -> Outcome | None:
    return outcome and outcome.model_copy(update={"message": outcome.message[:SHORT_CHARACTERS]})


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")
