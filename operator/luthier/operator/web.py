"""The operator's own pages: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from luthier.operator.controller import Clock, wall_clock
from luthier.operator.health import Health

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Page = Callable[[], bytes]


@asynccontextmanager
async def serve(
    registry: CollectorRegistry, experiments: Page, health: Health, port: int, clock: Clock = wall_clock
) -> AsyncIterator[None]:
    """Serve the pages while the context is open; `experiments` makes the part of `/metrics` that grows with them."""

    async def metrics(_request: web.Request) -> web.Response:
        # In a thread: the first page of a thousand experiments takes a second, and the leader has a Lease to renew.
        body = generate_latest(registry) + await asyncio.to_thread(experiments)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})

    async def healthz(_request: web.Request) -> web.Response:
        problem = health.problem(clock())
        return web.Response(text=f"{problem or 'ok'}\n", status=503 if problem else 200)

    async def readyz(_request: web.Request) -> web.Response:
        is_ready = health.ready.is_set()
        return web.Response(text="ok\n" if is_ready else "starting\n", status=200 if is_ready else 503)

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    try:
        yield
    finally:
        await runner.cleanup()
