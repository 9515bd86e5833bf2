"""Hyperband (Li et al. 2016): brackets of synchronous successive halving.

With R iterations at most and factor eta there are brackets s = s_max..0, s_max = floor(log_eta R). Bracket s starts
ceil((s_max + 1) / (s + 1) * eta**s) trials at R / eta**s iterations; each of its rungs keeps the best 1/eta, until the
last run to R. Trials fill one bracket after the other, and after bracket 0 begins bracket s_max again.

A trial pauses at its rung and gives its slot away, so any number of slots will do: a rung is decided when all its
members have got there or ended. A bracket that never fills is decided with the members it has, once no more can join.
Own code because Ray's waits for a bracket to fill while a cap on parallel trials keeps it from filling.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from luthier.api.status import RungCount
from luthier.trial.schedulers.rungs import RungTally, finite, fraction_name, milestones, ranked, whole_log
from luthier.trial.schedulers.scheduler import Continue, Decision, Drop, Order, Pause, Resume, Stop
from luthier.trial.search.searcher import Values


@dataclass
class Bracket:
    """One run of successive halving."""

    number: int
    """s: how many times this bracket halves."""
    size: int
    """Trials that it starts with."""
    rungs: list[int]
    """Iterations at which it halves."""
    end: int
    """Iterations to which its winners go."""
    rung: int = 0
    """Rung that its members are on their way to, from 0."""
    members: list[str] = field(default_factory=list)
    """Trials still in the race, in order of arrival."""
    entered: int = 0
    """Trials that set out for this rung, those that ended on the way included."""
    scores: dict[str, float | None] = field(default_factory=dict)
    """Members that have got to the rung."""

    def takes_more(self) -> bool:
        """Tell whether a new trial may join."""
        return self.rung == 0 and self.entered < self.size

    def is_decidable(self, *, is_closed: bool) -> bool:
        """Tell whether everyone who can get to the rung is there."""
        is_whole = is_closed or not self.takes_more()
        return is_whole and self.rung < len(self.rungs) and self.scores.keys() >= set(self.members)


class HyperbandScheduler:
    """Pauses trials at rungs, resumes the best and drops the others."""

    new_first = False

    def __init__(self, *, reduction_factor: int, iterations: int) -> None:
        self._factor = reduction_factor
        self._iterations = iterations
        self._highest = whole_log(iterations, reduction_factor)
        self._brackets: list[Bracket] = []
        self._bracket_of: dict[str, int] = {}
        self._is_closed = False
        self._orders: list[Order] = []
        self._tally = RungTally()

    def rungs(self, number: int) -> list[int]:
        """Return the iterations of the rungs of a bracket that begins now, without R itself."""
        return [self._iterations // self._factor**k for k in range(number, 0, -1)]

    def added(self, trial: str, values: Values) -> None:
        """Put a trial into the bracket that is being filled."""
        self._is_closed = False
        if not self._brackets or not self._brackets[-1].takes_more():
            self._brackets.append(self._next_bracket())
        bracket = self._brackets[-1]
        bracket.members.append(trial)
        bracket.entered += 1
        self._bracket_of[trial] = len(self._brackets) - 1

    def report(self, trial: str, iteration: int, score: float, *, waiting: int) -> Decision:
        """Pause a trial that has got to its rung; the last rung is the end, which is not a scheduler's business."""
        bracket = self._brackets[self._bracket_of[trial]]
        if trial not in bracket.members:
            return Stop(f"bracket {bracket.number}: went on without this trial")
        if bracket.rung == len(bracket.rungs) or iteration < bracket.rungs[bracket.rung]:
            return Continue()
        bracket.scores[trial] = finite(score)
        self._decide(bracket)
        return Pause()

    def ended(self, trial: str) -> None:
        """Take a trial out of the race; the others may have waited for it only."""
        bracket = self._brackets[self._bracket_of[trial]]
        if trial in bracket.members:
            bracket.members.remove(trial)
            bracket.scores.pop(trial, None)
            self._decide(bracket)

    def saved(self, trial: str, iteration: int) -> None:
        """Nothing to know: the engine resumes from what it saved."""

    def lost(self, trial: str, last: int) -> None:
        """Nothing to know: the engine resumes from the one before."""

    def closed(self) -> None:
        """Decide a bracket that waits for trials that will not come."""
        self._is_closed = True
        for bracket in self._brackets:
            self._decide(bracket)

    def resized(self, iterations: int | None, complete: list[str]) -> list[str]:
        """Begin the next brackets with the new R. One that has begun and has no winner yet halves on the way there,
        too; of one that has, all winners go on: they may not wait for the others any more."""
        if iterations is not None:
            self._iterations, self._highest = iterations, whole_log(iterations, self._factor)
            won = {self._bracket_of[trial] for trial in complete}
            for number, bracket in enumerate(self._brackets):
                if number not in won:
                    bracket.rungs += milestones(bracket.end, iterations, self._factor)
                bracket.end = max(bracket.end, iterations)
        for trial in complete:
            self._brackets[self._bracket_of[trial]].members.append(trial)
        return complete

    def orders(self) -> list[Order]:
        """Return the decisions of the rungs completed since the last call."""
        orders, self._orders = self._orders, []
        return orders

    def _next_bracket(self) -> Bracket:
        last = self._brackets[-1].number if self._brackets else 0
        number = min(last - 1, self._highest) if last else self._highest
        size = -(-(self._highest + 1) * self._factor**number // (number + 1))
        return Bracket(number, size, self.rungs(number), self._iterations)

    def _decide(self, bracket: Bracket) -> None:
        """Once a rung is complete, order who goes on and who does not."""
        if not bracket.members or not bracket.is_decidable(is_closed=self._is_closed):
            return
        milestone = bracket.rungs[bracket.rung]
        best_first = ranked(bracket.scores)
        kept = max(1, bracket.entered // self._factor)
        for trial in best_first[:kept]:
            self._tally.promote(milestone)
            self._orders.append(Resume(trial))
        for trial in best_first[kept:]:
            self._tally.stop(milestone)
            self._orders.append(Drop(trial, self._reason(bracket, milestone, trial, best_first[kept - 1])))
        bracket.members = [trial for trial in bracket.members if trial in best_first[:kept]]
        bracket.entered = len(bracket.members)
        bracket.rung += 1
        bracket.scores = {}

    def _reason(self, bracket: Bracket, milestone: int, trial: str, last_kept: str) -> str:
        score, cutoff = bracket.scores[trial], bracket.scores[last_kept]
        place = f"bracket {bracket.number}, rung {milestone}"
        if score is None or cutoff is None:
            return f"{place}: its score cannot be compared"
        return (
            f"{place}: {score:.6g} is not among the best {fraction_name(self._factor)} "
            f"of {bracket.entered} trials, which reached {cutoff:.6g}"
        )

    def rung_counts(self) -> list[RungCount]:
        """Return promotions and stops by rung, those of all brackets together."""
        return self._tally.counts()

    def state(self) -> Any:
        """Return brackets and orders not yet taken."""
        return {
            "brackets": [asdict(bracket) for bracket in self._brackets],
            "bracket_of": dict(self._bracket_of),
            "is_closed": self._is_closed,
            "iterations": self._iterations,
            "orders": [asdict(order) for order in self._orders],
            "tally": self._tally.state(),
        }

    def restore(self, state: Any) -> None:
        """Take back brackets and orders."""
        self.resized(state["iterations"], [])
        self._brackets = [Bracket(**saved) for saved in state["brackets"]]
        self._bracket_of = dict(state["bracket_of"])
        self._is_closed = state["is_closed"]
        self._orders = [Drop(**order) if "reason" in order else Resume(**order) for order in state["orders"]]
        self._tally.restore(state["tally"])
