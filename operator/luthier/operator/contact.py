"""How the talk with a running driver goes: what it said last, what it wished lately, what it was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from luthier.api.wire import Report, WorkerFact

WISHES_SECONDS = 20
"""A wish for fewer workers is followed once it has lasted this long."""


@dataclass(frozen=True)
class Wish:
    """A number of worker pods that the driver could use, from a moment on."""

    since: datetime
    workers: int


@dataclass(frozen=True)
class Contact:
    """What is known of a driver by talking to it."""

    attempt: int = 0
    report: Report | None = None
    unreachable_since: datetime | None = None
    problem: str = ""
    wishes: tuple[Wish, ...] = ()
    """In order of time; no older ones than what held at the beginning of the last `WISHES_SECONDS`."""
    told: tuple[WorkerFact, ...] = ()
    """What the driver knows of its worker pods from us."""
    owed: tuple[WorkerFact, ...] = ()
    """What it could not be told yet; the pods may be gone by now."""

    def having_heard(self, report: Report | None, now: datetime) -> Contact:
        """Return the contact after an answer, which may hold nothing new."""
        heard = replace(self, unreachable_since=None, problem="")
        if report is None:
            return heard
        return replace(heard, report=report, wishes=_remembered(self.wishes, report.wanted_workers, now))

    def having_told(self, facts: tuple[WorkerFact, ...]) -> Contact:
        """Return the contact after the driver took facts in; of each pod it keeps the last one."""
        names = {fact.name for fact in facts}
        return replace(self, told=(*(known for known in self.told if known.name not in names), *facts), owed=())


def _remembered(wishes: tuple[Wish, ...], wanted: int | None, now: datetime) -> tuple[Wish, ...]:
    if wanted is None:
        return ()
    if not wishes or wishes[-1].workers != wanted:
        wishes = (*wishes, Wish(now, wanted))
    begin = now - timedelta(seconds=WISHES_SECONDS)
    past = sum(1 for wish in wishes if wish.since <= begin)
    return wishes[max(0, past - 1) :]
