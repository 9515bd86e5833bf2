"""What a trial's weights really lived through, followed back through the donors they were copied from.

After population based training a winner's last parameters are not what made it good: its weights were
trained under others' parameters first. Replaying needs the whole schedule. Only the winner and the copies
are needed: each copy names the donor and what explore changed, so the donor's values follow from the loser's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from luthier.api.status import Exploit, TrialResult


class BrokenLineage(ValueError):
    """The copies contradict each other."""


@dataclass(frozen=True)
class Stretch:
    """Iterations that weights lived through in one trial, under one set of parameters."""

    first_iteration: int
    """First iteration of the weights' life, from 1, under these parameters."""
    last_iteration: int
    """Last iteration under these parameters."""
    trial: str
    """Trial that they were trained in."""
    parameters: dict[str, Any]


def schedule_of(best: TrialResult, exploits: Iterable[Exploit]) -> tuple[Stretch, ...]:
    """Return the stretches that a result's weights lived through, oldest first.

    Iterations are counted over the weights' own life: a loser that copied at its iteration 8 the weights a
    donor had at 6 goes on at 7. A result without copies gives one stretch.

    Args:
        best: the result whose weights are asked for.
        exploits: every copy of the experiment, in any order; where early ones are missing, the first stretch
            may itself descend from a copy.

    Raises:
        BrokenLineage: a copy takes from a future that leads back to itself.
    """
    trial, iteration, values = best.trial, best.iteration, dict(best.parameters)
    backwards: list[tuple[str, int, dict[str, Any]]] = []
    for copy in ancestry(best, exploits):
        backwards.append((trial, iteration - copy.iteration, values))
        values = _before(values, copy)
        trial, iteration = copy.donor, copy.donor_iteration
    return _numbered([*backwards, (trial, iteration, values)])


def ancestry(best: TrialResult, exploits: Iterable[Exploit]) -> list[Exploit]:
    """Return the copies that a result's weights descend from, newest first.

    Raises:
        BrokenLineage: a copy takes from a future that leads back to itself.
    """
    copies = list(exploits)
    trial, iteration = best.trial, best.iteration
    found: list[Exploit] = []
    while copy := _last_copy(copies, trial, iteration):
        if len(found) == len(copies):
            raise BrokenLineage(f"the weights of {best.trial} at iteration {best.iteration} descend from themselves")
        found.append(copy)
        trial, iteration = copy.donor, copy.donor_iteration
    return found


def _last_copy(copies: list[Exploit], trial: str, iteration: int) -> Exploit | None:
    """Return the copy that a trial's weights at an iteration began with; one at that very iteration came after."""
    own = [copy for copy in copies if copy.trial == trial and copy.iteration < iteration]
    return max(own, key=lambda copy: copy.iteration, default=None)


def _before(values: dict[str, Any], copy: Exploit) -> dict[str, Any]:
    """Return the donor's parameters, given the loser's after the copy; None stands for an absent one."""
    donors = values | {name: pair[0] for name, pair in copy.changed.items() if pair}
    return {name: value for name, value in donors.items() if value is not None}


def _numbered(backwards: list[tuple[str, int, dict[str, Any]]]) -> tuple[Stretch, ...]:
    stretches: list[Stretch] = []
    lived = 0
    for trial, length, values in reversed(backwards):
        if length > 0:
            stretches.append(Stretch(lived + 1, lived + length, trial, values))
            lived += length
    return tuple(stretches)
