"""Lines of pods' logs as values: when, from which pod, said by which trial."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from luthier.api.logs import said_by

Moment = tuple[datetime, str]
"""Of a line; the fraction of its second stands there as it was written, for it is finer than Python's."""
BEGIN: Moment = (datetime.min.replace(tzinfo=UTC), "")


@dataclass(frozen=True)
class LogLine:
    """One line."""

    pod: str
    text: str
    time: str = ""
    """As the node wrote it, to nanoseconds; empty where it did not."""
    moment: Moment = BEGIN
    trial: str | None = None
    """Who printed it; None for whatever else is in the pod."""

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps({"time": self.time or None, "pod": self.pod, "trial": self.trial, "line": self.text})


def stamped(pod: str, raw: str) -> LogLine:
    """Return a line of a log that was asked for with timestamps; one without is the node's own."""
    time, _, text = raw.partition(" ")
    moment = _moment(time)
    return LogLine(pod, raw) if moment is None else LogLine(pod, text, time, moment)


def said(lines: Iterable[LogLine], trial: str | None) -> Iterator[LogLine]:
    """Yield what a trial has printed, without the name before it; every line where no trial is named."""
    for line in lines:
        if trial is None:
            yield line
        elif (text := said_by(trial, line.text)) is not None:
            yield replace(line, text=text, trial=trial)


def _moment(time: str) -> Moment | None:
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    fraction = "".join(filter(str.isdigit, time.partition(".")[2].partition("+")[0].partition("-")[0]))
    return found.astimezone(UTC).replace(microsecond=0), fraction.ljust(9, "0")
