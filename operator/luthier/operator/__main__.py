"""`python -m luthier.operator`: put the parts together and run until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys

from kubernetes.aio.client.api_client import ApiClient
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from luthier.operator.cache import Cache, Key
from luthier.operator.cluster import Cluster, connect
from luthier.operator.controller import Controller
from luthier.operator.errors import ClusterError
from luthier.operator.follower import Followers
from luthier.operator.health import Health
from luthier.operator.leadership import Alone, Leadership, LeadershipLostError
from luthier.operator.lease import Lease
from luthier.operator.metrics import Arrivals, OperatorCollector, Rounds
from luthier.operator.notes import Notebook
from luthier.operator.observe import Observer
from luthier.operator.page import ExperimentPage
from luthier.operator.queue import WorkQueue
from luthier.operator.settings import Settings, SettingsError
from luthier.operator.tokens import TokenReader
from luthier.operator.watch import watch
from luthier.operator.web import serve

LOGGER = logging.getLogger("luthier.operator")
DEFINITION_SECONDS = 2
EXIT_LEADERSHIP_LOST = 3


def main() -> int:
    """Run the operator; return its exit code."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(run(settings))
    except LeadershipLostError as error:
        LOGGER.error("%s: this process ends, its successor stands by", error)  # noqa: TRY400  # no traceback: not a bug
        return EXIT_LEADERSHIP_LOST
    return 0


async def run(settings: Settings) -> None:
    """Run until a signal, or until something breaks that a new process may mend."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    for own in (ProcessCollector, PlatformCollector, GCCollector):
        own(registry=registry)
    rounds, cache, notebook = Rounds(registry), Cache(), Notebook()
    queue: WorkQueue[Key] = WorkQueue(lambda key: key[0], rounds.count_lag)  # namespaces take turns
    health = Health(queue, notebook)
    holder = settings.holder or f"{socket.gethostname()}-{secrets.token_hex(4)}"
    client = await connect(holder)
    leadership = _leadership(settings, holder, client, rounds, queue)
    registry.register(OperatorCollector(leadership.leads))
    cluster = Cluster(client, rounds.count_request, leadership.require)
    followers = Followers(TokenReader(cluster).read, queue.add, settings.progress_port, leadership.require)
    observer = Observer(cluster, cache, notebook, followers, settings)
    controller = Controller(cluster, cache, notebook, followers, queue, observer, rounds, Arrivals(registry))
    page = ExperimentPage(cache, leadership.leads, lambda uid: followers.contact(uid).report)
    try:
        async with serve(registry, page.render, health, settings.metrics_port):
            await _wait_for_definition(cluster, stop)
            await _first_to_end(
                watch(settings, cache, queue, controller, health, stop),
                controller.serve(),
                health.tick(),
                _lead_when_ready(leadership, health),
                stop.wait(),
            )
    finally:
        await followers.close()
        await client.close()


def _leadership(
    settings: Settings, holder: str, client: ApiClient, rounds: Rounds, queue: WorkQueue[Key]
) -> Leadership | Alone:
    """The queue is served while this process leads."""
    if not settings.lease_namespace:
        return Alone(queue.set_open)
    lease = Lease(settings.lease_name, settings.lease_namespace, seconds=settings.lease_seconds)
    # Its own writes pass no gate, and none of them may take up what time there is.
    leases = Cluster(client, rounds.count_request, lambda: None, timeout_seconds=settings.lease_seconds / 4)
    return Leadership(leases, lease, holder, queue.set_open)


async def _lead_when_ready(leadership: Leadership | Alone, health: Health) -> None:
    """An operator that sees nothing yet leaves leadership to one that does."""
    await health.ready.wait()
    try:
        await leadership.keep()
    finally:
        await leadership.release()  # at once: kopf takes its time to end


async def _wait_for_definition(cluster: Cluster, stop: asyncio.Event) -> None:
    """kopf looks for the definition once, so wait until it is there."""
    while not stop.is_set():
        try:
            if await cluster.knows_experiments():
                return
            LOGGER.warning("the definition of TuningExperiment is not installed yet")
        except ClusterError as error:
            LOGGER.warning("the API server does not answer: %s", error)
        await asyncio.sleep(DEFINITION_SECONDS)


async def _first_to_end(*coroutines: object) -> None:
    """Run all until the first one ends, however it ends; then stop the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]  # type: ignore[call-overload]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        task.result()


if __name__ == "__main__":
    sys.exit(main())
