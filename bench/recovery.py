"""How long until the next result: a worker killed, a worker frozen as a lost node would be, the driver killed.

Processes are signalled from outside, on the node. There is a spare slot, so that a trial need not wait for a new pod.
What is counted is the gap in an affected trial's own results, by the ledger's clock.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

from bench import programs
from bench.figures import Figure, Goal
from bench.processes import of_pod, send
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_place import Place, moment
from support.e2e_wait import until

SECONDS, TICKS, TRIALS = 0.4, 400, 3
AFFECTED_SECONDS = 1.5
RAY_FROZEN = 66.3
"""Seconds, measured apart with Ray's own settings."""
RAY_KILLED = 2.8


def worker_killed(place: Place) -> Iterator[Figure]:
    """Yield the gap after all of a worker pod's processes were killed."""
    gap = _gap(place, "killed", keys.ROLE_WORKER, signal.SIGKILL, within=60)
    yield Figure("worker pod killed to next result", gap, "s", "s, raw Ray, measured apart", RAY_KILLED, Goal("<=", 5))


def worker_frozen(place: Place) -> Iterator[Figure]:
    """Yield the gap after all of a worker pod's processes were stopped."""
    gap = _gap(place, "frozen", keys.ROLE_WORKER, signal.SIGSTOP, within=90)
    yield Figure(
        "node frozen to next result", gap, "s", "s, raw Ray's default, measured apart", RAY_FROZEN, Goal("<=", 10)
    )


def driver_killed(place: Place) -> Iterator[Figure]:
    """Yield the gap after the driver was killed: a new pod, a new Ray, the ledger folded."""
    gap = _gap(place, "headless", keys.ROLE_DRIVER, signal.SIGKILL, within=120)
    yield Figure("driver killed to next result", gap, "s", goal=Goal("<=", 30))


def _gap(place: Place, name: str, role: str, number: signal.Signals, *, within: float) -> float:
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
            return until(f"a trial goes on after {name}", lambda: _shortest_gap(place, hit), within=within)
        finally:
            if number is signal.SIGSTOP:
                for process in hit_ones:
                    send(process, signal.SIGCONT)
    finally:
        place.delete(name)


def _shortest_gap(place: Place, hit: float) -> float | None:
    """Return the gap of the affected trial that went on first; None while none has."""
    driver = next((pod for pod in place.pods(keys.ROLE_DRIVER) if pod["status"].get("phase") == "Running"), None)
    book = place._read_in(driver) if driver else None  # noqa: SLF001
    gaps = [_gap_of(book, trial, hit) for trial in book.trials] if book else []
    affected = [gap for gap in gaps if gap is not None and gap > AFFECTED_SECONDS]
    return min(affected, default=None)


def _gap_of(book: LedgerBook, trial: str, hit: float) -> float | None:
    times = [record["time"] for record in book.of("result", trial)]
    after = [time for time in times if time > hit + SECONDS]
    return after[0] - hit if after and any(time < hit for time in times) else None
