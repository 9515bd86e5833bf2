"""How many trivial trials a second: ours against the same search by Ray Tune itself, in turn on one Ray.

Both reuse processes and have Tune's CSV and JSON loggers off. Ours writes and serves its ledger besides; each side's
first, short run is dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.child import answers, in_a_child
from bench.figures import Figure, Goal, Pairs
from bench.local_ray import PARALLEL, a_ray, ours, raw


def measure(trials: int, pairs: int) -> Iterator[Figure]:
    """Yield trials a second, and what a trial costs beyond Tune's own."""
    taken = Pairs(**in_a_child("bench.throughput", trials, pairs))
    yield taken.figure(
        f"trivial trials a second, {trials} trials",
        "/s",
        "/s, raw Ray Tune with reuse",
        Goal(">=", 0.95, of_ratio=True),
        f"{PARALLEL} at a time; Tune's loggers off on both sides",
    )


def sample(trials: int, pairs: int) -> Pairs:
    """Take both sides in turn."""
    from ray import tune

    from bench.trainables import Trivial

    space = {"x": tune.uniform(-1, 1)}
    taken = Pairs()
    with a_ray():
        for number in range(pairs + 1):
            count = trials if number else PARALLEL * 2
            seconds = raw(Trivial, space, num_samples=count), ours(_spec(count))
            if number:
                taken.theirs.append(count / seconds[0])
                taken.ours.append(count / seconds[1])
    return taken


def _spec(trials: int) -> dict[str, object]:
    return {
        "objectives": [{"metric": "loss", "direction": "Minimize"}],
        "parameters": [{"name": "x", "type": "Double", "min": -1, "max": 1}],
        "search": {"algorithm": "Random"},
        "budget": {"trials": trials, "parallelTrials": PARALLEL},
        "trial": {"function": "bench.trainables:Trivial", "resources": {"cpu": 1}},
    }


if __name__ == "__main__":
    answers(sample(*map(int, sys.argv[1:])))
