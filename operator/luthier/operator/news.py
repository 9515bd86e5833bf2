"""What trials have done since it was last told, as Events: the first result, new bests, promotions, copies, failures.

However many there are, one kind of news is told at most once in its pause, all together and with the last one's
words; pauses double up to ten minutes, so that a search of a week is a page and one of a minute is a story. Pure but
for what it notes: the first look at an experiment tells nothing, for another operator has told what was before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from luthier.api.experiment import Direction, Objective
from luthier.api.status import Exploit, RungCount, Status
from luthier.operator.story import Happening, failures_since

FIRST_PAUSE_SECONDS = 20
LONGEST_PAUSE_SECONDS = 600
CHANGES_TOLD = 4
"""Parameters of a copy that are named."""
STALLS_TOLD = 8
STALLS_SECONDS = 600
"""A stall that comes and goes is told so often in this time, and then not until it is over."""


@dataclass
class Track:
    """How far one kind of news has been told."""

    fact: Any
    """What status said when it was told last."""
    times: int = 0
    at: datetime | None = None


@dataclass
class Told:
    """How far all of them have been told of one experiment."""

    tracks: dict[str, Track] = field(default_factory=dict)
    stalls: deque[datetime] = field(default_factory=lambda: deque(maxlen=STALLS_TOLD))


@dataclass(frozen=True)
class Kind:
    """One kind of news."""

    reason: str
    fact: Callable[[Status, Objective | None], Any]
    """What of a status it depends on; small, and equal where there is no news."""
    words: Callable[[Any, Status, Objective | None], str | None]
    """What there is to say since a fact; None for nothing."""
    is_warning: bool = False
    grows: bool = True
    """Whether its pause doubles."""
    goes_back: bool = False
    """Whether it may get worse, so that what is news is reckoned from there."""

    def pause(self, times: int) -> timedelta:
        """Return the pause after it was told so often."""
        seconds = FIRST_PAUSE_SECONDS * 2 ** min(times - 1, 10) if self.grows else FIRST_PAUSE_SECONDS
        return timedelta(seconds=min(seconds, LONGEST_PAUSE_SECONDS))


def news(
    told: Told, status: Status, objectives: Sequence[Objective], now: datetime, *, has_ended: bool = False
) -> tuple[list[Happening], datetime | None]:
    """Return what is to be told now, and when there will be more to tell; it is noted as told.

    After the end nothing more will come, so what is left is told at once.
    """
    objective = objectives[0] if objectives else None
    found, later = [], []
    for kind in KINDS:
        track = told.tracks.setdefault(kind.reason, Track(kind.fact(status, objective)))
        words = kind.words(track.fact, status, objective)
        if words is None:
            if kind.goes_back:
                track.fact = kind.fact(status, objective)
            continue
        due = track.at + kind.pause(track.times) if track.at is not None else now
        if now < due and not has_ended:
            later.append(due)
            continue
        track.fact, track.at, track.times = kind.fact(status, objective), now, track.times + 1
        found.append(Happening(kind.reason, words, kind.is_warning, now))
    return found, min(later, default=None)


def may_tell_stall(told: Told, now: datetime) -> bool:
    """Tell whether one more stall, or the end of one, may be told; noted as told if so."""
    is_full = len(told.stalls) == STALLS_TOLD and now < told.stalls[0] + timedelta(seconds=STALLS_SECONDS)
    if not is_full:
        told.stalls.append(now)
    return not is_full


def _value(status: Status, objective: Objective | None) -> float | None:
    return status.best.metrics.get(objective.metric) if status.best is not None and objective is not None else None


def _first_result(before: bool, status: Status, objective: Objective | None) -> str | None:
    if before or status.last_result_time is None:
        return None
    value = _value(status, objective)
    if status.best is None or objective is None or value is None:
        return "a trial has reported"
    return f"{objective.metric} {value:.6g} by {status.best.trial}"


def _new_best(before: float | None, status: Status, objective: Objective | None) -> str | None:
    value = _value(status, objective)
    if value is None or before is None or objective is None or status.best is None:
        return None
    is_better = value > before if objective.direction is Direction.MAXIMIZE else value < before
    where = f"by {status.best.trial} at iteration {status.best.iteration}"
    return f"{objective.metric} {value:.6g} {where}, after {before:.6g}" if is_better else None


def _rungs(status: Status) -> list[RungCount]:
    return status.activity.rungs if status.activity is not None else []


def _promoted(before: dict[int, tuple[int, int]], status: Status, _: Objective | None) -> str | None:
    promoted, stopped = [], 0
    for rung in _rungs(status):
        had = before.get(rung.iterations, (0, 0))
        stopped += max(0, rung.stopped - had[1])
        if rung.promoted > had[0]:
            promoted.append((rung.iterations, rung.promoted - had[0]))
    if not promoted:
        return None
    count = sum(number for _, number in promoted)
    where = ", ".join(f"{number} from rung {rung}" for rung, number in promoted)
    return f"{_counted(count, 'trial')} went on: {where}; {stopped} stopped"


def _copies(status: Status) -> int:
    return status.population.exploits if status.population is not None else 0


def _exploited(before: int, status: Status, _: Objective | None) -> str | None:
    population = status.population
    count = _copies(status) - before
    if population is None or count <= 0:
        return None
    if not population.lineage:
        return f"{_counted(count, 'trial')} went on from a winner's weights"
    last = _copy(max(population.lineage, key=lambda copy: copy.time))
    return last if count == 1 else f"{count} copies, the last one: {last}"


def _copy(copy: Exploit) -> str:
    pairs = [(name, pair) for name, pair in copy.changed.items() if len(pair) == 2]  # a driver may say anything
    changed = [f"{name} {_short(old)} to {_short(new)}" for name, (old, new) in pairs[:CHANGES_TOLD]]
    more = ["..."] if len(pairs) > CHANGES_TOLD else []
    what = f" with {', '.join([*changed, *more])}" if changed else ""
    return f"{copy.trial} went on from {copy.donor}'s weights of iteration {copy.donor_iteration}{what}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


KINDS = (
    Kind("FirstResult", lambda status, _: status.last_result_time is not None, _first_result),
    Kind("NewBest", _value, _new_best, goes_back=True),
    Kind(
        "Promoted",
        lambda status, _: {rung.iterations: (rung.promoted, rung.stopped) for rung in _rungs(status)},
        _promoted,
    ),
    Kind("Exploited", lambda status, _: _copies(status), _exploited),
    Kind(
        "TrialFailed",
        lambda status, _: status.trials.failed,
        lambda before, status, _: failures_since(before, status),
        is_warning=True,
        grows=False,
    ),
)
