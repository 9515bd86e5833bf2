"""kopf's connection to the API server: lists come in parts, are taken in as they come, and lose what nobody reads.

kopf could tell when all is listed by its indices, but they wake every object's task for every object: a thousand
experiments would keep a starting operator busy for half a minute, with every pod in memory at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
import kopf

from luthier.api import keys
from luthier.operator.cache import Cache, bare_pod, without_ballast

Json = dict[str, Any]
PODS = "PodList"
OBJECTS_A_PART = 100
"""About a megabyte of pods."""


class Listing:
    """What has been listed, and whether that is all."""

    def __init__(self, cache: Cache, lists: int) -> None:
        """Wait for so many lists: one of each kind and namespace."""
        self.is_complete = asyncio.Event()
        self._cache, self._lists = cache, lists
        self._listed: set[str] = set()
        self._kinds: dict[str, tuple[Callable[[Json], Json], Callable[[Json], None]]] = {
            PODS: (bare_pod, cache.keep_pod),
            f"{keys.KIND}List": (without_ballast, cache.keep_experiment),
        }

    def take_in(self, path: str, answer: Json) -> None:
        """Keep the objects of an answer that is a part of a list, and leave in it only what is kept of them."""
        kind = self._kinds.get(str(answer.get("kind")))
        if kind is None:
            return
        slim, keep = kind
        answer["items"] = [slim(item) for item in answer.get("items") or ()]
        for item in answer["items"]:
            keep(item)
        if not (answer.get("metadata") or {}).get("continue"):
            if path in self._listed and answer["kind"] == PODS:
                self._cache.listing += 1
            self._listed.add(path)
        if len(self._listed) >= self._lists:
            self.is_complete.set()


def lean_session(info: kopf.ConnectionInfo, listing: Listing) -> kopf.AiohttpSession:
    """Return the same access, by a session of ours; kopf closes it."""

    class LeanResponse(aiohttp.ClientResponse):
        async def json(self, **options: Any) -> Any:
            answer = await super().json(**options)
            if self.status == HTTPStatus.GONE and "continue" in self.url.query:
                # kopf begins a list anew that breaks off, but ends for one of which it is told so.
                raise aiohttp.ClientPayloadError("the rest of the list has expired")
            if isinstance(answer, dict):
                listing.take_in(self.url.path, answer)
            return answer

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        response_class=LeanResponse,
    )
    return kopf.AiohttpSession(
        server=info.server,
        default_namespace=info.default_namespace,
        priority=info.priority,
        expiration=info.expiration,
        aiohttp_session=session,
    )
