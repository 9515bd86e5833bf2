"""What the operator's metrics page costs with many experiments: its time and its bytes, for each of them.

The page is served by the operator's own web server over real HTTP in this process; the experiments are simulated, each
with a value for every series and as many causes and rungs as there can be.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.child import answers, in_a_child
from bench.figures import Figure, Goal

FEW, MANY = 10, 1000
SCRAPES = 9
CHANGED_PARTS = 10
"""One in so many experiments has changed since the last scrape: those that run."""


@dataclass(frozen=True)
class Taken:
    """What the pages of so many experiments came to."""

    first_ms: float
    """Of the first scrape after the operator's start."""
    scrapes_ms: list[float] = field(default_factory=list)
    """Of those after it; a part of the experiments has changed before each."""
    bytes: int = 0
    stall_ms: float = 0.0
    """The longest that the operator's event loop stood still meanwhile."""


def measure(many: int = MANY) -> Iterator[Figure]:
    """Yield what a scrape of many experiments costs against one of few, experiment by experiment."""
    few, lots = (Taken(**in_a_child("bench.scrape", number)) for number in (FEW, many))
    peer = f"with {FEW} experiments"
    each, each_of_few = (statistics.median(taken.scrapes_ms) / n for taken, n in ((lots, many), (few, FEW)))
    note = f"{many:,} experiments, one in {CHANGED_PARTS} changed between scrapes; a scrape over HTTP"
    yield Figure("a scrape", statistics.median(lots.scrapes_ms), "ms", goal=Goal("<=", 1000), note=note)
    yield Figure(
        "a scrape, for each experiment", each, "ms", f"ms {peer}", each_of_few, Goal("<=", 1.5, of_ratio=True), note
    )
    yield Figure(
        "the first scrape, for each experiment",
        lots.first_ms / many,
        "ms",
        f"ms {peer}",
        few.first_ms / FEW,
        Goal("<=", 1.5, of_ratio=True),
    )
    yield Figure(
        "the page's bytes, for each experiment",
        lots.bytes / many,
        "B",
        f"B {peer}",
        few.bytes / FEW,
        Goal("<=", 1.1, of_ratio=True),
    )
    yield Figure("the event loop's longest pause", lots.stall_ms, "ms", f"ms {peer}", few.stall_ms, Goal("<=", 1000))


async def simulate(experiments: int) -> Taken:
    """Serve the page of so many experiments, scrape it, and return what it cost."""
    import aiohttp
    from prometheus_client import CollectorRegistry

    from luthier.operator.cache import Key
    from luthier.operator.health import Health
    from luthier.operator.metrics import OperatorCollector
    from luthier.operator.notes import Notebook
    from luthier.operator.page import ExperimentPage
    from luthier.operator.queue import WorkQueue
    from luthier.operator.web import serve
    from support.operator_series import a_body, a_full_status, cached

    status = a_full_status()
    bodies = [a_body(status, name=f"experiment-{number:04d}", uid=f"uid-{number}") for number in range(experiments)]
    cache, registry, port = cached(*bodies), CollectorRegistry(), _a_free_port()
    registry.register(OperatorCollector(lambda: True))
    queue: WorkQueue[Key] = WorkQueue()
    pauses: list[float] = []
    scrapes = []
    async with (
        serve(registry, ExperimentPage(cache, lambda: True).render, Health(queue, Notebook()), port),
        aiohttp.ClientSession() as session,
    ):
        watch = asyncio.create_task(_watch(pauses))
        for number in range(1 + SCRAPES):
            for body in bodies[::CHANGED_PARTS]:
                body["metadata"] = body["metadata"] | {"resourceVersion": str(number + 2)}
                cache.keep_experiment(body)
            began = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                page = await answer.read()
            scrapes.append(1000 * (time.perf_counter() - began))
        watch.cancel()
    return Taken(scrapes[0], scrapes[1:], len(page), 1000 * max(pauses))


def _a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _watch(pauses: list[float], every: float = 0.01) -> None:
    """Write down how late this task is woken, again and again."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(every)
        pauses.append(time.perf_counter() - began - every)


if __name__ == "__main__":
    import sys

    answers(asyncio.run(simulate(int(sys.argv[1]))))
