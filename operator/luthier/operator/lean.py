"""kopf's connection to the API server, through which lists come in parts and without what nobody reads.

kopf holds on to every listed object until the last one is indexed. A thousand experiments' pods are 20 MB of JSON,
several times that as dictionaries, and Python does not give all of it back.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import kopf

from luthier.api import keys
from luthier.operator.cache import bare_pod, without_ballast

OBJECTS_A_PART = 100
"""About a megabyte of pods."""
SLIMMING = {"PodList": bare_pod, f"{keys.KIND}List": without_ballast}


class LeanResponse(aiohttp.ClientResponse):
    """An answer whose lists hold only what is kept of their objects."""

    async def json(self, **options: Any) -> Any:
        """Return the answer."""
        body = await super().json(**options)
        slim = SLIMMING.get(body.get("kind", "")) if isinstance(body, dict) else None
        if slim is not None:
            body["items"] = [slim(item) for item in body.get("items") or ()]
        return body


def lean_session(info: kopf.ConnectionInfo) -> kopf.AiohttpSession:
    """Return the same access, by a session of ours; kopf closes it."""
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
