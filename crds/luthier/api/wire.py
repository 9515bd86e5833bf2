"""What the driver tells the operator and the command line: one versioned document, bounded both ways.

`encode` and `decode` are inverses. A trial may write anything, so decoding limits size and
refuses what is not finite; the models bound the rest. Nothing here is ever unpickled.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from luthier.api.status import (
    FAILURES_SHOWN,
    FRONT_POINTS,
    TOP_TRIALS,
    Count,
    FailedTrial,
    Population,
    Progress,
    StatusModel,
    TrialCounts,
    TrialResult,
    Usage,
)

MAX_BYTES = 256 * 1024
"""A progress document never grows with the number of trials; this is far above what it can be."""
MAX_TERMINATION_BYTES = 4096
"""What the kubelet keeps of a termination message."""


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
    """TargetReached, TrialsDone, SpaceExhausted, DurationReached, GpuHoursReached, TooManyFailures, NoTrialSucceeded, BadExperiment."""
    message: Annotated[str, Field(max_length=1024)]
    """A sentence with numbers."""


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
    trials: TrialCounts = TrialCounts()
    best: TrialResult | None = None
    top: Annotated[list[TrialResult], Field(max_length=TOP_TRIALS)] = []
    pareto_front: Annotated[list[TrialResult], Field(max_length=FRONT_POINTS)] = []
    progress: Progress = Progress()
    usage: Usage = Usage()
    population: Population | None = None
    failures: Annotated[list[FailedTrial], Field(max_length=FAILURES_SHOWN)] = []
    last_result_time: datetime | None = None
    """When a trial last reported."""
    missing_metric: Annotated[str, Field(max_length=63)] | None = None
    """An objective's metric that results came without, if there is one."""
    metrics_seen: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=32)] = []
    """Names of the metrics that results did carry."""


def encode(report: Report) -> bytes:
    """Return the report as one JSON document."""
    return report.model_dump_json(by_alias=True, exclude_none=True).encode()


def decode(data: bytes) -> Report:
    """Return the report that a peer sent.

    Raises:
        WireError: too large, not JSON, not finite, or not of this version.
    """
    if len(data) > MAX_BYTES:
        raise WireError(f"progress of {len(data)} bytes is over the limit of {MAX_BYTES}")
    try:
        return Report.model_validate(json.loads(data, parse_constant=_refuse_constant))
    except (ValueError, RecursionError, ValidationError) as error:
        raise WireError(f"not a progress document: {str(error)[:500]}") from error


def encode_termination(report: Report) -> bytes:
    """Return the report cut down to what a termination message holds: outcome, counts and best first."""
    for keep in (
        report,
        report.model_copy(update={"top": [], "pareto_front": []}),
        report.model_copy(update={"top": [], "pareto_front": [], "failures": [], "population": _bare(report)}),
        Report(uid=report.uid, attempt=report.attempt, sequence=report.sequence, phase=report.phase,
               outcome=report.outcome, trials=report.trials, progress=report.progress, usage=report.usage),
    ):
        data = encode(keep)
        if len(data) <= MAX_TERMINATION_BYTES:
            return data
    raise AssertionError("the smallest report is bounded below the limit")


def _bare(report: Report) -> Population | None:
    return report.population and report.population.model_copy(update={"lineage": []})


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")
