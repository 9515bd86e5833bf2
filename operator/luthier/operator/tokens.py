"""The token by which a driver knows the operator: read by name, when a driver is first spoken to."""

from __future__ import annotations

import base64
import binascii

from luthier.api import keys
from luthier.operator.cluster import Cluster
from luthier.operator.errors import NotFoundError
from luthier.operator.observation import Identity


class TokenReader:
    """Reads progress tokens; keeps none."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read(self, identity: Identity) -> str:
        """Return an experiment's progress token.

        Raises:
            NotFoundError: there is no Secret, or no token in it.
        """
        secret = await self._cluster.get("Secret", identity.namespace, identity.base)
        encoded = ((secret or {}).get("data") or {}).get(keys.PROGRESS_TOKEN_KEY, "")
        try:
            token = base64.b64decode(encoded, validate=True).decode().strip()
        except (binascii.Error, UnicodeDecodeError):
            token = ""
        if not token:
            raise NotFoundError(f"Secret {identity.base} holds no progress token")
        return token
