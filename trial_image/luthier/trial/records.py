"""The lines of the ledger: every fact about an experiment, as plain JSON with a `kind`.

The fold of these records, in order, is the whole state of an experiment; nothing else
decides anything after a restart. A result carries the decision that was taken on it, so
that one line is either wholly there or wholly absent.

What a newer version adds, an older one can read in two cases: a new field that it may ignore, and a new kind of
record that is written with `"optional": true`, because the fold is the same without it. Any other kind that
a reader does not know ends its reading: it decides something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from luthier.api.experiment import Budget
from luthier.api.failures import Action
from luthier.api.parameters import Scalar
from luthier.api.rules import ApiModel
from luthier.api.wire import Outcome
from luthier.trial.errors import BrokenLedger, NewerLedger

SCHEDULER = "Scheduler"
"""Cause of an end that the scheduler decided; a trial that stopped for another one did so with the experiment."""


class Base(ApiModel):
    """What every record has."""

    model_config = ConfigDict(extra="ignore")

    time: float
    """Seconds since the epoch."""


class AttemptStarted(Base):
    """A driver began."""

    kind: Literal["attempt"] = "attempt"
    attempt: int
    generation: int = 1
    previous_end: str = ""
    """How the driver before this one ended, as `Cause: message`; it could not write that itself."""
    environment: dict[str, str] = {}
    """What this attempt ran with: image and versions by name."""


def _known_limits(budget: Any) -> Any:
    """Leave out limits that a newer version has put into its ledger, each with its default."""
    if not isinstance(budget, dict):
        return budget
    known = {name for field, info in Budget.model_fields.items() for name in (field, info.alias)}
    return {name: value for name, value in budget.items() if name in known}


class BudgetChanged(Base):
    """The user edited the budget."""

    kind: Literal["budget"] = "budget"
    generation: int
    budget: Annotated[Budget, BeforeValidator(_known_limits)]


class TrialProposed(Base):
    """The searcher proposed a trial."""

    kind: Literal["trial"] = "trial"
    trial: str
    values: dict[str, Scalar]


class SpaceExhausted(Base):
    """The searcher has nothing left to propose."""

    kind: Literal["exhausted"] = "exhausted"


class RunStarted(Base):
    """A trial got a slot, from its beginning or from a checkpoint."""

    kind: Literal["run"] = "run"
    trial: str
    iteration: int = 0
    """Iteration of the checkpoint it goes on from; 0 from the beginning."""
    checkpoint: str | None = None


class RunPlaced(Base):
    """A trial's run has a process on a worker; for people's eyes."""

    kind: Literal["placed"] = "placed"
    optional: Literal[True] = True
    trial: str
    worker: str
    """Name of the pod, or the address where it has none."""


class ExploitStep(ApiModel):
    """The part of an exploit that a result's decision carries."""

    model_config = ConfigDict(extra="ignore")

    donor: str
    donor_iteration: int
    values: dict[str, Scalar]
    checkpoint: str | None = None
    changed: dict[str, list[Scalar | None]] = {}


class TrialReported(Base):
    """A trial reported, and this was decided on it."""

    kind: Literal["result"] = "result"
    trial: str
    iteration: int
    """The trial's own count of reports, from 1."""
    metrics: dict[str, float]
    decision: Literal["Continue", "Complete", "Stop", "Pause", "Exploit"] = "Continue"
    reason: str | None = None
    exploit: ExploitStep | None = None


class CheckpointSaved(Base):
    """A checkpoint is complete on storage."""

    kind: Literal["saved"] = "saved"
    trial: str
    iteration: int
    checkpoint: str
    """Path relative to the experiment's directory."""
    bytes: int = 0
    """Of all its files."""
    seconds: float = 0.0
    """That writing it took."""


class CheckpointDropped(Base):
    """A checkpoint that nobody may ask for any more, or that is bad; its files go after this line."""

    kind: Literal["dropped"] = "dropped"
    trial: str
    checkpoint: str
    reason: str | None = None
    """What is wrong with it; whoever was to go on from it goes on from the one before."""


class TrialRetried(Base):
    """A trial's run failed and goes on from its last checkpoint."""

    kind: Literal["retry"] = "retry"
    trial: str
    cause: str
    message: str
    counted: bool = True
    """False where the trial was not to blame."""


class WorkerFailed(Base):
    """A worker pod could not be had; no trial ran in it."""

    kind: Literal["worker"] = "worker"
    worker: str
    cause: str
    message: str
    action: Action = Action.RETRY_FREE


class TrialEnded(Base):
    """A trial will not run again."""

    kind: Literal["end"] = "end"
    trial: str
    ending: Literal["Succeeded", "Stopped", "Failed"]
    cause: str | None = None
    message: str | None = None
    action: Action | None = None
    """Of a failed one: the rule by which its failure was final."""


class Finished(Base):
    """The experiment ended."""

    kind: Literal["finish"] = "finish"
    outcome: Outcome


class Skipped(Base):
    """A record of a newer version, which says of itself that it may be skipped."""

    model_config = ConfigDict(extra="allow")

    kind: str
    optional: Literal[True] = True


Known = Annotated[
    AttemptStarted
    | BudgetChanged
    | TrialProposed
    | SpaceExhausted
    | RunStarted
    | RunPlaced
    | TrialReported
    | CheckpointSaved
    | CheckpointDropped
    | TrialRetried
    | WorkerFailed
    | TrialEnded
    | Finished,
    Field(discriminator="kind"),
]
Record = Known | Skipped
KNOWN: TypeAdapter[Known] = TypeAdapter(Known)
UNKNOWN_KIND = "union_tag_invalid"
UNKNOWN_VALUES = ("literal_error", "enum")
"""pydantic's words for what a newer version may have added."""


class _Unknown(Base):
    """What every record has to have, of whatever version."""

    kind: str
    optional: bool = False


class UnknownKind(ValueError):
    """A record of a newer version that may not be skipped, or a word in one."""

    def __init__(self, word: object, what: str = "kind of record") -> None:
        super().__init__(f"{word!r} is no {what} that this version knows")


def encode(record: Record) -> bytes:
    """Return the record as one line."""
    return record.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def decode(line: bytes) -> Record:
    """Return the record of one line.

    Raises:
        UnknownKind: a newer version wrote it, and it may not be skipped or has a word that is not known here.
        pydantic.ValidationError: the line is no record.
    """
    try:
        return KNOWN.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] in UNKNOWN_VALUES:
            raise UnknownKind(first["input"], str(first["loc"][-1])) from error
        if first["type"] != UNKNOWN_KIND:
            raise
    if not (unknown := _Unknown.model_validate_json(line)).optional:
        raise UnknownKind(unknown.kind)
    return Skipped.model_validate_json(line)


def decode_lines(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of a ledger's lines.

    Raises:
        NewerLedger: a newer version wrote a line that may not be skipped; the message says which image.
        BrokenLedger: a line is no record.
    """
    writer: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        try:
            record = decode(line)
        except UnknownKind as error:
            raise NewerLedger(f"line {number} of the ledger: {error}; {_advice(writer)}") from error
        except ValidationError as error:
            raise BrokenLedger(f"line {number} of the ledger is no record: {error.errors()[0]['msg']}") from error
        if isinstance(record, AttemptStarted):
            writer = record.environment
        yield record


def _advice(writer: dict[str, str]) -> str:
    """Return what helps, from what the attempt that wrote a line ran with."""
    version, image = writer.get("luthier"), writer.get("image")
    who = f"Luthier {version}" if version else "a newer Luthier"
    where = f", in the image {image}" if image else ""
    return f"it was written by {who}{where}: use an image that is at least as new"
