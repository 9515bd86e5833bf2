"""What the operator remembers of an experiment between two rounds. All of it can be lost at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from luthier.api.failures import Cause
from luthier.api.manifest import Experiment
from luthier.operator.arrivals import Arrived
from luthier.operator.news import Told
from luthier.operator.observation import Refusal, Things, Trouble


@dataclass
class Notes:
    """Saves repeated questions to the API server; nothing here is the only copy of anything but refusals."""

    parsed_generation: int | None = None
    experiment: Experiment | None = None
    problems: tuple[str, ...] = ()
    things: Things | None = None
    things_seen_at: datetime | None = None
    pods_listed_at: datetime | None = None
    asked_at: datetime | None = None
    """When the experiment itself was last read past the watch."""
    listing: int | None = None
    """The watch's listing that the last check of the pods followed."""
    troubles: dict[str, Trouble | None] = field(default_factory=dict)
    """What events said, by uid of the pod that hangs in creation."""
    troubles_read_at: dict[str, datetime] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    dismissed: set[str] = field(default_factory=set)
    """Uids of the pods that this operator told to end: nobody else's doing, so no failure."""
    driver_end: tuple[int, Cause] | None = None
    """Attempt of the last driver that was seen to end, and why."""
    written_version: int = 0
    """Resource version of the last status that was written."""
    written_at: datetime | None = None
    told: Told = field(default_factory=Told)
    """What events were posted about."""
    arrived: Arrived = field(default_factory=Arrived)


class Notebook:
    """Notes by uid of the experiment."""

    def __init__(self) -> None:
        self._pages: dict[str, Notes] = {}

    def page(self, uid: str) -> Notes:
        """Return the notes about an experiment, empty ones at first."""
        return self._pages.setdefault(uid, Notes())

    def tear_out(self, uid: str) -> None:
        """Forget an experiment."""
        self._pages.pop(uid, None)

    def pages(self) -> dict[str, Notes]:
        """Return all notes."""
        return dict(self._pages)
