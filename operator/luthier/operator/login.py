"""kopf's way into the API server, again whenever it was turned away.

kopf knows credentials that failed by comparing them, but a session of ours is like no other, so it would log in with
a token that is refused as fast as it can be told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from luthier.operator.lean import Listing, lean_session

LONGEST_REST_SECONDS = 3
"""Between two attempts to reach the API server."""

Find = Callable[..., kopf.ConnectionInfo | None]


def find_access(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Return the access that kubeconfig or the pod's service account gives now."""
    return kopf.login_with_kubeconfig(**kwargs) or kopf.login_with_service_account(**kwargs)


class Login:
    """Gives a session each time kopf has none."""

    def __init__(
        self, listing: Listing, find: Find = find_access, rest: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Make sessions whose lists are taken in.

        Args:
            listing: takes in what is listed.
            find: returns the credentials as they are now, if there are any.
            rest: waits for so many seconds.
        """
        self._listing, self._find, self._rest = listing, find, rest
        self._last: kopf.ConnectionInfo | None = None

    async def __call__(self, **kwargs: Any) -> kopf.AiohttpSession | None:
        """Return a session, at once where its credentials are new, and after a rest where they are as before."""
        info = self._find(**kwargs)
        if info is not None and info == self._last:
            await self._rest(LONGEST_REST_SECONDS)
            info = self._find(**kwargs)
        self._last = info
        return lean_session(info, self._listing) if info is not None else None
