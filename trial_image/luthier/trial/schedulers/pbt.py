"""Population based training (Jaderberg et al. 2017), asynchronous as in the paper's appendix A.1.

Every perturbationInterval iterations a member looks at where it stands: one of the worst quantile goes on from the
checkpoint of a random one of the best quantile, with that one's values changed a little. Only checkpoints that are
known to be on storage count, so an exploit never waits for a file. With more members than slots, members take turns of
one interval each; one that exploits gives its slot away as well, since its training starts anew.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from luthier.api.status import RungCount
from luthier.trial.schedulers.explore import changes, explore
from luthier.trial.schedulers.rungs import finite, ranked
from luthier.trial.schedulers.scheduler import Continue, Decision, Exploit, Order, Pause, Resume
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import Space


@dataclass
class Member:
    """What is known of one trial of the population."""

    values: Values
    looked_at: int = 0
    """Iteration of its last boundary."""
    score: float | None = None
    """Score at its last boundary; None before the first one, or when it could not be compared."""
    checkpoint: int | None = None
    """Iteration of its latest checkpoint that holds what it trained with its present values."""
    exploited_at: int = 0
    """Iteration at which it last took over another's weights."""
    is_live: bool = True
    is_paused: bool = False


class PbtScheduler:
    """Lets losers go on from winners' checkpoints."""

    new_first = True

    def __init__(
        self,
        space: Space,
        *,
        interval: int,
        quantile_fraction: float,
        resample_probability: float,
        iterations: int,
        seed: int,
    ) -> None:
        self._space = space
        self._interval = interval
        self._quantile_fraction = quantile_fraction
        self._resample_probability = resample_probability
        self._iterations = iterations
        self._generator = np.random.default_rng(seed)
        self._members: dict[str, Member] = {}

    def added(self, trial: str, values: Values) -> None:
        """Take a new member into the population."""
        self._members[trial] = Member(dict(values))

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """At a boundary, let a loser exploit; then let those that wait have their turn."""
        member = self._members[trial]
        if iteration >= self._iterations:
            return Continue()
        if iteration - member.looked_at < self._interval:
            return Continue()
        self._look(trial, iteration, score)
        donor = self._donor_for(trial)
        if donor is not None:
            return self._exploit(trial, iteration, donor)
        if waiting > 0:
            member.is_paused = True
            return Pause()
        return Continue()

    def saved(self, trial: str, iteration: int) -> None:
        """Note a checkpoint, unless a late one of the weights that the member has since given up."""
        member = self._members[trial]
        if iteration > member.exploited_at and iteration > (member.checkpoint or 0):
            member.checkpoint = iteration

    def lost(self, trial: str, last: int) -> None:
        """Give away what is left, unless it is of weights that the member has since given up."""
        member = self._members[trial]
        member.checkpoint = last if last > member.exploited_at else None

    def ended(self, trial: str) -> None:
        """Take a member out of the population; its checkpoint may be cleaned up."""
        self._members[trial].is_live = False
        self._members[trial].is_paused = False

    def closed(self) -> None:
        """Nothing to know: nobody waits for a member to join."""

    def resized(self, iterations: int | None, complete: list[str]) -> list[str]:
        """Take complete members back into the population; they meet again at their next boundaries."""
        if iterations is not None:
            self._iterations = iterations
        for trial in complete:
            self._members[trial].is_live = True
        return complete

    def orders(self) -> list[Order]:
        """Send paused members back into the queue, those that have trained least first."""
        paused = [trial for trial, member in self._members.items() if member.is_paused]
        for trial in paused:
            self._members[trial].is_paused = False
        return [Resume(trial) for trial in sorted(paused, key=lambda trial: self._members[trial].looked_at)]

    def _look(self, trial: str, iteration: int, score: float) -> None:
        """Take in where a member stands at a boundary."""
        member = self._members[trial]
        member.looked_at, member.score = iteration, finite(score)

    def _donor_for(self, trial: str) -> str | None:
        """Return a random winner with a checkpoint if the trial is a loser, else None."""
        best, worst = self._quantiles()
        donors = [winner for winner in best if self._members[winner].checkpoint is not None]
        if trial not in worst or not donors:
            return None
        return donors[int(self._generator.integers(len(donors)))]

    def _quantiles(self) -> tuple[list[str], list[str]]:
        """Return the best and the worst of the live members that have been looked at; never one in both."""
        scores = {name: m.score for name, m in self._members.items() if m.is_live and m.looked_at > 0}
        count = min(math.ceil(len(scores) * self._quantile_fraction), len(scores) // 2)
        best_first = ranked(scores)
        best = [trial for trial in best_first[:count] if scores[trial] is not None]
        return best, best_first[len(scores) - count :]

    def _exploit(self, trial: str, iteration: int, donor: str) -> Exploit:
        source, member = self._members[donor], self._members[trial]
        values = self._explore(trial, donor)
        if source.checkpoint is None:
            raise ValueError(f"{donor} has no checkpoint to go on from")
        member.values, member.checkpoint, member.exploited_at = dict(values), None, iteration
        return Exploit(donor, source.checkpoint, values, changes(source.values, values))

    def _explore(self, trial: str, donor: str) -> Values:
        """Return the new values of a member that goes on from a donor's checkpoint."""
        return explore(self._space, self._members[donor].values, self._resample_probability, self._generator)

    def rung_counts(self) -> list[RungCount]:
        """A population has no rungs."""
        return []

    def state(self) -> Any:
        """Return members, generator and the end."""
        members = {trial: asdict(member) for trial, member in self._members.items()}
        return {
            "members": members,
            "generator": self._generator.bit_generator.state,
            "iterations": self._iterations,
        }

    def restore(self, state: Any) -> None:
        """Take back members, generator and the end."""
        self._iterations = state["iterations"]
        self._members = {trial: Member(**saved) for trial, saved in state["members"].items()}
        self._generator.bit_generator.state = state["generator"]
