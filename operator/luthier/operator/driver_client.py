"""What the operator says to a running driver, over HTTP with the experiment's token."""

from __future__ import annotations

import asyncio

import aiohttp

from luthier.api.experiment import Budget
from luthier.api.wire import MAX_BYTES, Report, WireError, WorkerFact, WorkerFacts, decode
from luthier.operator.cluster import Gate

ANSWER_SECONDS = 10
"""Over the time that a long poll may take."""


class DriverError(Exception):
    """The driver could not be reached, or its answer could not be used; `str()` says why."""


class DriverClient:
    """Talks to one driver."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, gate: Gate) -> None:
        self._session = session
        self._gate = gate
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def progress(self, after: int, wait_seconds: int) -> Report | None:
        """Return a report that is newer than one's own, or None when there is none in that time.

        Raises:
            DriverError: no answer, or none that can be used.
        """
        query = {"after": str(after), "wait": str(wait_seconds)}
        code, data = await self._call("GET", "/progress", wait_seconds + ANSWER_SECONDS, params=query)
        if code == 304:
            return None
        if code != 200:
            raise DriverError(f"GET /progress was answered with {code}")
        try:
            return decode(data)
        except WireError as error:
            raise DriverError(str(error)) from error

    async def acknowledge(self, sequence: int) -> None:
        """Tell the driver that its last report has arrived for good: it leaves.

        Raises:
            DriverError: no answer, or none that can be used.
            NotLeadingError: this operator may not tell it anything.
        """
        self._gate()
        await self.progress(sequence, 0)

    async def push_budget(self, generation: int, budget: Budget) -> None:
        """Tell the driver its new budget.

        Raises:
            DriverError: no answer, or a refusal.
            NotLeadingError: this operator may not tell it anything.
        """
        self._gate()
        body = {"generation": generation, "budget": budget.to_json()}
        code, data = await self._call("PUT", "/budget", ANSWER_SECONDS, json=body)
        if code not in (200, 202, 204):
            raise DriverError(f"PUT /budget was answered with {code}: {data[:200].decode(errors='replace')}")

    async def push_facts(self, facts: tuple[WorkerFact, ...]) -> None:
        """Tell the driver about its worker pods; one that does not care to know (404) counts as told.

        Raises:
            DriverError: no answer, or a refusal.
            NotLeadingError: this operator may not tell it anything.
        """
        self._gate()
        body = WorkerFacts(workers=list(facts)).to_json()
        code, data = await self._call("PUT", "/workers", ANSWER_SECONDS, json=body)
        if code not in (200, 202, 204, 404):
            raise DriverError(f"PUT /workers was answered with {code}: {data[:200].decode(errors='replace')}")

    async def _call(self, verb: str, path: str, seconds: float, **options: object) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=5)
        try:
            async with self._session.request(
                verb,
                self._url + path,
                headers=self._headers,
                timeout=timeout,
                allow_redirects=False,
                **options,  # type: ignore[arg-type]
            ) as answer:
                data = await answer.content.readexactly(0) if answer.status == 304 else await _bounded(answer.content)
                return answer.status, data
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise DriverError(str(error) or type(error).__name__) from error


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """A trial's pod may send anything, of any length."""
    data = bytearray()
    async for chunk in content.iter_chunked(65536):
        data += chunk
        if len(data) > MAX_BYTES:
            raise DriverError(f"its answer is over the limit of {MAX_BYTES} bytes")
    return bytes(data)
