"""Who is turned away with the same credentials again and again asks with pauses."""

from __future__ import annotations

import asyncio

import kopf

from luthier.operator.cache import Cache
from luthier.operator.lean import Listing
from luthier.operator.login import LONGEST_REST_SECONDS, Login


def with_token(token: str) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server="https://kubernetes.default.svc", token=token)


def test_credentials_that_come_again_are_tried_after_a_rest_and_new_ones_at_once() -> None:
    tokens = ["first"]
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    async def scenario() -> list[tuple[str, int]]:
        login = Login(Listing(Cache(), lists=2), lambda **_: with_token(tokens[-1]), rest)
        said = []
        for token in ("first", "first", "first", "renewed", "renewed"):
            tokens.append(token)
            access = await login()
            assert access is not None
            said.append((access.aiohttp_session.headers["Authorization"], len(rests)))
            await access.aiohttp_session.close()
        return said

    first, renewed = "Bearer first", "Bearer renewed"
    assert asyncio.run(scenario()) == [(first, 0), (first, 1), (first, 2), (renewed, 2), (renewed, 3)]
    assert set(rests) == {LONGEST_REST_SECONDS}


def test_credentials_that_are_renewed_during_the_rest_are_the_ones_that_are_tried() -> None:
    tokens = ["old"]

    async def rest(_: float) -> None:
        tokens.append("new")

    async def scenario() -> list[str]:
        login = Login(Listing(Cache(), lists=2), lambda **_: with_token(tokens[-1]), rest)
        said = []
        for _ in range(2):
            access = await login()
            assert access is not None
            said.append(access.aiohttp_session.headers["Authorization"])
            await access.aiohttp_session.close()
        return said

    assert asyncio.run(scenario()) == ["Bearer old", "Bearer new"]


def test_without_any_credentials_there_is_no_session() -> None:
    assert asyncio.run(Login(Listing(Cache(), lists=2), lambda **_: None)()) is None
