"""Trials that take no time, through the operator: what the API server is asked to write, and what a pod each costs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench import programs
from bench.against_peers import ours, pods
from bench.figures import Figure, Goal
from support.e2e_place import Place
from target import TRIAL

MANY, JOB = programs.Size(300, 3, 0), programs.Size(12, 3, 0)
WRITES = re.compile(
    r'^apiserver_request_total\{.*resource="(tuningexperiments|events)".*verb="(POST|PUT|PATCH|DELETE)".*\} (\S+)$'
)


def measure(place: Place) -> Iterator[Figure]:
    """Yield the rates of trials as processes and as pods."""
    place.apply(programs.code())
    image = place.cluster.target.reference(TRIAL)
    run = ours(place, "many", MANY, 0)
    job = pods(place, "job", programs.job("job", image, JOB), "job", "Complete")
    by_hand = pods(place, "hand", programs.by_hand("hand", image, MANY), "pod", "Succeeded")
    rate, theirs = MANY.trials / (run.results[-1] - run.results[0]), JOB.trials / job.end
    hand = MANY.trials / (by_hand.results[-1] - by_hand.results[0])
    yield Figure(
        "trivial trials a second through the operator, 300 trials",
        rate,
        "/s",
        "/s, a pod per trial (a Job of 12)",
        theirs,
        Goal(">=", 20, of_ratio=True),
        "from the first result to the last",
    )
    yield Figure(
        "trivial trials a second in a pod, 300 trials",
        rate,
        "/s",
        "/s, raw Tune by hand in one pod",
        hand,
        Goal(">=", 0.95, of_ratio=True),
        "from the first result to the last",
    )


def writes(place: Place) -> Iterator[Figure]:
    """Yield the writes that another trial costs."""
    place.apply(programs.code())
    few, many = programs.Size(16, 3, 3.2), programs.Size(256, 3, 0.2)  # as long, so that only the trials differ
    counted = []
    for size in (few, many):
        before = _written(place)
        run = ours(place, f"writes-{size.trials}", size, 0)
        counted.append((_written(place) - before, run.end))
    (low, short), (high, long) = counted
    slope = (high - low) / (many.trials - few.trials)
    yield Figure(
        "API writes per further trial, 16 against 256",
        slope,
        "",
        "Katib, counted in its code",
        11.0,
        Goal("<=", 0.005),
        f"{low:g} writes in {short:.0f} s, {high:g} in {long:.0f} s: with the time, not with the trials",
    )


def _written(place: Place) -> float:
    """Return how often experiments and events were written since the API server began."""
    page = place.cluster.kubectl("get", "--raw", "/metrics")
    return sum(float(found[3]) for line in page.splitlines() if (found := WRITES.match(line)))
