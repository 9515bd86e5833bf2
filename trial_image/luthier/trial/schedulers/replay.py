"""Replay: a trial goes through a given schedule of parameters (Jaderberg et al. 2017, section 4).

What population based training finds is a schedule, not a set of values; training by it again, without a population,
shows what it is worth. Each change is a trial's exploit of itself: it goes on from its own checkpoint with new values,
so that whatever the training code does only at its start is done with them. Ray Tune's PopulationBasedTrainingReplay
does the same; here the schedule is a part of the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luthier.api.parameters import is_active
from luthier.api.scheduling import Change
from luthier.trial.schedulers.explore import changes
from luthier.trial.schedulers.scheduler import Continue, Decision, Exploit
from luthier.trial.schedulers.stopping import StoppingScheduler
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import Space


class ReplayScheduler(StoppingScheduler):
    """Changes each trial's values when the schedule says so; keeps the values and how many changes were made."""

    def __init__(self, space: Space, schedule: Sequence[Change]) -> None:
        self._space = space
        self._schedule = tuple(schedule)
        self._values: dict[str, Values] = {}
        """Last value of each parameter, those that take no part at present included."""
        self._made: dict[str, int] = {}

    def added(self, trial: str, values: Values) -> None:
        """Note what a trial begins with."""
        self._values[trial], self._made[trial] = dict(values), 0

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """Make the changes that are due before the next iteration; one that a report without a score hid is late."""
        due = sum(change.first_iteration <= iteration + 1 for change in self._schedule)
        before = self._values[trial]
        after = dict(before)
        for change in self._schedule[self._made[trial] : due]:
            after |= self._space.point(change.values)
        self._values[trial], self._made[trial] = after, max(due, self._made[trial])
        values = self._active(after)
        changed = changes(self._active(before), values)
        return Exploit(trial, iteration, values, changed) if changed else Continue()

    def _active(self, values: Values) -> Values:
        active = Values()
        for parameter in self._space.parameters:
            if parameter.name in values and is_active(parameter, active):
                active[parameter.name] = values[parameter.name]
        return active

    def state(self) -> Any:
        """Return each trial's values and the number of changes made."""
        return {"values": {trial: dict(values) for trial, values in self._values.items()}, "made": dict(self._made)}

    def restore(self, state: Any) -> None:
        """Take back values and numbers."""
        self._values = {trial: dict(values) for trial, values in state["values"].items()}
        self._made = dict(state["made"])
