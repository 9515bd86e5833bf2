"""How old a result is when it can be read: on the driver's /metrics, and in the experiment's status.

The trial's metric is the time at which it reports, so whoever reads the best value knows its age. And what the API
server was asked to write meanwhile: by time, not by trial.
"""

from __future__ import annotations

import statistics
import threading
import urllib.request
from collections.abc import Iterator

from bench import programs
from bench.figures import Figure, Goal
from luthier.api import keys
from support.e2e_place import Place, condition, is_ready, moment
from support.e2e_wait import until

TICKS, SECONDS = 40, 0.7
POLL_SECONDS = 0.05
BEST = 'luthier_driver_best{metric="at"}'


def measure(place: Place) -> Iterator[Figure]:
    """Yield the ages of results where a user reads them."""
    place.apply(programs.code())
    pages = Pages()
    with place.watch(keys.PLURAL) as sights:
        place.apply(programs.ticking("fresh", seconds=SECONDS, ticks=TICKS, trials=1, workers=0))
        driver = until("the driver is ready", lambda: next(filter(is_ready, place.pods("driver")), None), within=60)
        pages.read_from(driver["status"]["podIP"])
        until("the experiment has ended", lambda: _has_ended(place) or None, within=120)
        pages.stop()
    bests = [
        (s.time, (s.object.get("status", {}).get("best") or {}).get("metrics", {}).get("at"))
        for s in sights.of("fresh")
    ]
    place.delete("fresh")
    yield from _figure("staleness of a result in status", _ages(bests), 2.0)
    yield from _figure("staleness of a result on /metrics", _ages(pages.seen), 1.0)


def _figure(name: str, ages: list[float], goal: float) -> Iterator[Figure]:
    if len(ages) < 3:
        raise RuntimeError(f"{name}: only {len(ages)} results were seen")
    note = f"largest of {len(ages)}; median {statistics.median(ages):.2f} s; a result each {SECONDS} s"
    yield Figure(name, max(ages), "s", "s, median", statistics.median(ages), Goal("<=", goal), note)


def _ages(seen: list[tuple[float, float | None]]) -> list[float]:
    """Return how long after it was reported each new value was first seen."""
    ages, last = [], 0.0
    for time, value in seen:
        if value is not None and value > last:
            last = value
            ages.append(time - value)
    return ages[1:]


def _best(experiment: programs.Json) -> float | None:
    best = experiment.get("status", {}).get("best") or {}
    value = best.get("metrics", {}).get("at")
    return None if value is None else float(value)


def _has_ended(place: Place) -> bool:
    return bool(condition(place.status("fresh"), "Succeeded")["status"] == "True")


class Pages:
    """The best value on a driver's metrics page, read again and again."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self.seen: list[tuple[float, float | None]] = []
        self._is_over = threading.Event()
        self._reader: threading.Thread | None = None

    def read_from(self, ip: str) -> None:
        """Begin to read; this machine is the node, so it reaches pods."""
        self._reader = threading.Thread(target=self._read, args=(f"http://{ip}:{keys.PORT_PROGRESS}/metrics",))
        self._reader.start()

    def stop(self) -> None:
        """Read no more."""
        self._is_over.set()
        if self._reader:
            self._reader.join()

    def _read(self, url: str) -> None:
        open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        while not self._is_over.wait(POLL_SECONDS):
            try:
                page = open_(url, timeout=2).read().decode()
            except OSError:
                continue
            values = [float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(BEST)]
            self.seen.append((moment(), max(values, default=None)))
