"""kopf, for watching only: it keeps the cache filled and asks for rounds.

No create, update, field, timer or daemon handlers: those put finalizers and annotations on
objects and mark them as handled before they are. Nobody leads
before every experiment and every pod has been listed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator
from typing import Any

import kopf

from luthier.api import keys
from luthier.operator.cache import Cache, experiment_key_of, key_of, uid_of, version_of
from luthier.operator.controller import Controller
from luthier.operator.health import Health
from luthier.operator.lean import OBJECTS_A_PART, Listing
from luthier.operator.login import LONGEST_REST_SECONDS, Login
from luthier.operator.oblivion import NoDifferences, NoProgress
from luthier.operator.queue import WorkQueue
from luthier.operator.settings import Settings

CHILDREN = {keys.LABEL_UID: kopf.PRESENT}
KINDS = 2
"""That are listed and watched: experiments and pods."""
INACTIVITY_SECONDS = 90
"""A quiet watch is opened anew; the API server sends a bookmark every minute."""


async def watch(
    settings: Settings,
    cache: Cache,
    queue: WorkQueue[tuple[str, str]],
    controller: Controller,
    health: Health,
    stop: asyncio.Event,
) -> None:
    """Watch until told to stop; raises what kopf cannot get over."""
    ready, listing = asyncio.Event(), Listing(cache, lists=KINDS * max(1, len(settings.namespaces)))
    readiness = asyncio.create_task(_tell_readiness(ready, listing, health))
    try:
        await kopf.operator(
            registry=build_registry(cache, queue, controller, health, listing),
            settings=kopf_settings(),
            namespaces=settings.namespaces,
            clusterwide=not settings.namespaces,
            standalone=True,
            ready_flag=ready,
            stop_flag=stop,
        )
    finally:
        readiness.cancel()


def build_registry(
    cache: Cache, queue: WorkQueue[tuple[str, str]], controller: Controller, health: Health, listing: Listing
) -> kopf.OperatorRegistry:
    """Return kopf's handlers: two that fill the cache and ask for rounds, and the login."""
    registry, again = kopf.OperatorRegistry(), Login(listing)

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.AiohttpSession | None:
        return await again(**kwargs)

    @kopf.on.event(keys.GROUP, keys.VERSION, keys.PLURAL, registry=registry)
    async def on_experiment(event: kopf.RawEvent, **_: Any) -> None:
        body = dict(event["object"])
        if event["type"] == "DELETED":
            controller.forget(body)
            health.forget(uid_of(body))
        else:
            cache.keep_experiment(body)
            health.saw(uid_of(body), version_of(body))
        queue.add(key_of(body))

    @kopf.on.event("v1", "pods", labels=CHILDREN, registry=registry)
    async def on_pod(event: kopf.RawEvent, **_: Any) -> None:
        body = dict(event["object"])
        if event["type"] == "DELETED":
            cache.drop_pod(body)
        else:
            cache.keep_pod(body)
        queue.add(experiment_key_of(body))

    return registry


def kopf_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing anywhere and looks for nothing but what it watches."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.inactivity_timeout = INACTIVITY_SECONDS
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = OBJECTS_A_PART
    settings.watching.label_selectors["v1", "pods"] = keys.LABEL_UID
    settings.persistence.diffbase_storage = NoDifferences()
    settings.persistence.progress_storage = NoProgress()
    settings.networking.error_backoffs = Patience()
    return settings


class Patience:
    """Rests between attempts to reach the API server: they never end, or a long outage would end the operator."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1, 2), itertools.repeat(LONGEST_REST_SECONDS))


async def _tell_readiness(ready: asyncio.Event, listing: Listing, health: Health) -> None:
    await ready.wait()
    await listing.is_complete.wait()
    logging.getLogger(__name__).info("watching")
    health.ready.set()
