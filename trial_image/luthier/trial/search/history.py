"""What all searchers share: the history is the state.

A searcher's whole state is the order in which it suggested and was told. The same history makes the same next
suggestion, because each suggestion draws from a generator of its own, seeded by the spec's seed and its number.
So `restore` and a new driver's replay of the ledger are the same thing, and no generator or model is ever saved.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from luthier.api.experiment import Spec
from luthier.trial.search.searcher import Ended, Ending, Values
from luthier.trial.search.space import Space


class HistorySearcher(ABC):
    """A searcher that is determined by its spec and its history; initial points come first."""

    def __init__(self, spec: Spec) -> None:
        self._space = Space(spec.parameters)
        self._seed = spec.search.seed
        self._initial = [self._space.point(point.values) for point in spec.search.initial_points]
        self._numbers: dict[str, int] = {}
        self._pending: set[str] = set()
        self._history: list[dict[str, Any]] = []

    def suggest(self, trial: str) -> Values | None:
        """Return values for a new trial, or None when the space is exhausted."""
        given = self._initial[self._next] if self._next < len(self._initial) else {}
        values = self._propose(given)
        if values is not None:
            self._enter(trial, values)
        return values

    def remember(self, trial: str, values: Values) -> None:
        """Take back a trial that an earlier searcher of the same spec suggested."""
        self._accept(values)
        self._enter(trial, values)

    def observe(self, trial: str, ended: Ended) -> None:
        """Take in how a trial ended; the last ending counts, and values that are not finite are a failure's."""
        if trial not in self._numbers:
            raise KeyError(f"trial {trial} was neither suggested nor remembered")
        has_values = ended.values and all(math.isfinite(value) for value in ended.values)
        if not has_values and ended.ending is not Ending.INFEASIBLE:
            ended = Ended(Ending.FAILED, ended.iteration)
        event = {
            "trial": trial,
            "ending": ended.ending.value,
            "iteration": ended.iteration,
            "scores": list(ended.values),
        }
        if trial in self._pending:
            self._pending.remove(trial)
            self._history.append(event)
            self._learn(self._numbers[trial], ended)
        elif event not in self._history:  # it went on after its end
            self._history = [e for e in self._history if "values" in e or e["trial"] != trial] + [event]
            self._unlearn()

    def state(self) -> Any:
        """Return the history as plain JSON."""
        return {"history": [dict(event) for event in self._history]}

    def restore(self, state: Any) -> None:
        """Live through a saved history."""
        for event in state["history"]:
            if "values" in event:
                self.remember(event["trial"], event["values"])
            else:
                ended = Ended(Ending(event["ending"]), event["iteration"], tuple(event["scores"]))
                self.observe(event["trial"], ended)

    def _live_again(self) -> None:
        """Accept and learn all of the history once more."""
        history, self._history = self._history, []
        self._numbers, self._pending = {}, set()
        self.restore({"history": history})

    def _enter(self, trial: str, values: Values) -> None:
        if trial in self._numbers:
            raise ValueError(f"trial {trial} already has its parameters")
        self._numbers[trial] = self._next
        self._pending.add(trial)
        self._history.append({"trial": trial, "values": dict(values)})

    @property
    def _next(self) -> int:
        """Number of the next suggestion, from 0."""
        return len(self._numbers)

    def _next_seed(self) -> int:
        """Return the seed of the next suggestion, below 2**32 and independent of all others."""
        return int(np.random.SeedSequence([self._seed, self._next]).generate_state(1)[0])

    @abstractmethod
    def _propose(self, given: Values) -> Values | None:
        """Make the next suggestion; `given` is what an initial point fixes."""

    def _accept(self, values: Values) -> None:  # noqa: B027 - enough where only the number of suggestions matters
        """Take in a remembered suggestion."""

    def _learn(self, number: int, ended: Ended) -> None:  # noqa: B027 - enough where there is no model
        """Take in how the suggestion with a number ended."""

    def _unlearn(self) -> None:  # noqa: B027 - enough where there is no model
        """Take note that an ending which was learnt is another in the history now."""
