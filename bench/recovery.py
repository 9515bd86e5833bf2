"""How long until the next result: a worker killed, a worker frozen as a lost node would be, the driver killed.

Processes are signalled from outside, on the node. There is a spare slot, so that a trial need not wait for a new pod.
What is counted is the gap in an affected trial's own results, by the ledger's clock.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import pairwise

from bench import programs
from bench.figures import Figure, Goal
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_place import Place, moment
from support.e2e_wait import until
from support.processes import of_pod, send

SECONDS, TICKS, TRIALS = 0.4, 400, 3
AFFECTED_SECONDS = 1.5
RAY_FROZEN = 66.3
"""Seconds, measured apart with Ray's own settings."""
RAY_KILLED = 2.8


def worker_killed(place: Place) -> Iterator[Figure]:
    """Yield the gap after all of a worker pod's processes were killed."""
    book, hit = _disturbed(place, "killed", keys.ROLE_WORKER, signal.SIGKILL, within=60)
    gap = shortest_gap(book, hit)
    yield Figure("worker pod killed to next result", gap, "s", "s, raw Ray, measured apart", RAY_KILLED, Goal("<=", 5))


def worker_frozen(place: Place) -> Iterator[Figure]:
    """Yield when it was known that all of a worker pod's processes were stopped, and the gap."""
    book, hit = _disturbed(place, "frozen", keys.ROLE_WORKER, signal.SIGSTOP, within=90)
    noticed = min(record["time"] - hit for record in book.of("retry"))
    beside = ("s, raw Ray's default, measured apart", RAY_FROZEN)
    yield Figure("node frozen to trial taken off it", noticed, "s", *beside, Goal("<=", 10))
    yield Figure("node frozen to next result", shortest_gap(book, hit), "s", *beside)


def driver_killed(place: Place) -> Iterator[Figure]:
    """Yield the gap after the driver was killed: a new pod, a new Ray, the ledger folded."""
    book, hit = _disturbed(place, "headless", keys.ROLE_DRIVER, signal.SIGKILL, within=120)
    yield Figure("driver killed to next result", shortest_gap(book, hit), "s", goal=Goal("<=", 30))


def _disturbed(
    place: Place, name: str, role: str, number: signal.Signals, *, within: float
) -> tuple[LedgerBook, float]:
    """Signal all processes of one pod; return the ledger as it is when a trial has gone on, and when it happened."""
    place.apply(programs.code())
    place.apply(programs.ticking(name, seconds=SECONDS, ticks=TICKS, trials=TRIALS, workers=2, per_worker=2))
    try:
        place.wait_for_iterations(name, 5)
        pod = next(pod for pod in place.pods(role) if of_pod(pod["metadata"]["uid"]))
        hit_ones = of_pod(pod["metadata"]["uid"])
        for process in hit_ones:
            send(process, number)
        hit = moment()
        try:
            return until(f"a trial goes on after {name}", lambda: _book_with_a_gap(place, hit), within=within), hit
        finally:
            if number is signal.SIGSTOP:
                for process in hit_ones:
                    send(process, signal.SIGCONT)
    finally:
        place.delete(name)


def _book_with_a_gap(place: Place, hit: float) -> LedgerBook | None:
    driver = next((pod for pod in place.pods(keys.ROLE_DRIVER) if pod["status"].get("phase") == "Running"), None)
    book = place._read_in(driver) if driver else None  # noqa: SLF001
    return book if book and shortest_gap(book, hit) else None


def shortest_gap(book: LedgerBook, hit: float) -> float:
    """Return the gap of the affected trial that went on first; 0 while none has."""
    times = [[record["time"] for record in book.of("result", trial)] for trial in book.trials]
    return min(filter(None, (gap_after(each, hit) for each in times)), default=0.0)


def gap_after(times: list[float], hit: float) -> float | None:
    """Return seconds from a hit to a trial's first result after a pause; None while it pauses, or if it did not.

    What was on its way when it happened, and comes a moment later, is no recovery.
    """
    return next(
        (later - hit for earlier, later in pairwise(times) if later > hit and later - earlier > AFFECTED_SECONDS), None
    )
