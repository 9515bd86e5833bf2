"""A stranger at the door: finds all open TCP ports of some addresses and asks each whatever Ray answers, tokenless.

A program of its own, since it runs in a pod of the trial image: `python port_probe.py ADDRESS...` writes one JSON
object, with all open ports, how often they refused, which of them want a certificate, and everything else they said.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import struct
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from luthier.trial import ray_tls

PORTS = range(1, 65536)
AT_ONCE = 500
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
PATHS = (
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/progress"),
    ("PUT", "/budget"),
    ("GET", "/api/version"),
    ("GET", "/api/jobs/"),
    ("POST", "/api/jobs/"),
    ("GET", "/api/job_agent/jobs/"),
    ("POST", "/api/job_agent/jobs/"),
    ("GET", "/api/local_raylet_healthz"),
    ("GET", "/api/v0/logs"),
    ("GET", "/nodes?view=summary"),
    ("GET", "/logs"),
    ("GET", "/worker/traceback"),
    ("POST", "/get_or_create_runtime_env"),
    ("POST", "/delete_runtime_env_if_possible"),
    ("POST", "/get_runtime_envs_info"),
)
"""Ours, and those of Ray's dashboard, agents, job server and runtime environments."""
METHOD = re.compile(rb"/ray\.rpc(?:\.[a-z]+)*\.[A-Z][A-Za-z]+/[A-Z][A-Za-z]+")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""HTTP/2's first words, and an empty frame of settings."""
HEADERS, DATA, RESET, AWAY, END_STREAM, END_HEADERS = 1, 0, 3, 7, 1, 4
OF_GRPC = ("/grpc.health.v1.Health/Check", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
UNAUTHENTICATED, UNIMPLEMENTED = "16", "12"
REFUSALS = ("401", "403", "404", "405", "501", UNAUTHENTICATED, UNIMPLEMENTED)
Finding = dict[str, Any]


def grpc_methods(ray: Path) -> list[str]:
    """Return every gRPC method that Ray's own programs know; one of them ends Ray 2.60 where it is heard."""
    programs = ("core/src/ray/gcs/gcs_server", "core/src/ray/raylet/raylet", "_raylet.so")
    names = {name.decode() for program in programs for name in METHOD.findall((ray / program).read_bytes())}
    return [*sorted(names), *OF_GRPC]


async def probe(addresses: Iterable[str], methods: list[str], ports: Iterable[int] = PORTS) -> dict[str, Any]:
    """Return what strangers hear: `refused` by address and port, `closed` to them, and `answered`, all else."""
    refused: dict[str, dict[int, int]] = {}
    closed: dict[str, list[int]] = {}
    answered: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        papers = _papers(Path(folder))
        for address in addresses:
            refused[address], closed[address] = {}, []
            for port in await open_ports(address, ports):
                if all([await _hangs_up_on(address, port, paper) for paper in papers]):
                    closed[address].append(port)
                said = [finding async for finding in _ask_all(address, port, methods)]
                refused[address][port] = sum(finding["answer"] in REFUSALS for finding in said)
                answered += [finding for finding in said if finding["answer"] not in (*REFUSALS, "")]
    return {"methods": len(methods), "refused": refused, "closed": closed, "answered": answered}


async def open_ports(address: str, ports: Iterable[int]) -> list[int]:
    """Return the ports at which somebody listens."""

    async def is_open(port: int) -> int | None:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_SECONDS)
        except (OSError, TimeoutError):
            return None
        writer.close()
        return port

    return [port for port in await _each(is_open, ports) if port is not None]


def _papers(folder: Path) -> list[ssl.SSLContext]:
    """Return what a stranger can show at a door: nothing, and a certificate that he made with a token of his own."""
    files = {name: str(folder / name) for name in (ray_tls.CA, ray_tls.CERTIFICATE, ray_tls.KEY)}
    ray_tls.write_certificate("a token of his own", (), {ray_tls.SWITCH: "1", **files})
    nothing, his_own = ssl.create_default_context(), ssl.create_default_context()
    his_own.load_cert_chain(files[ray_tls.CERTIFICATE], files[ray_tls.KEY])
    for context in (nothing, his_own):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    return [nothing, his_own]


async def _hangs_up_on(address: str, port: int, papers: ssl.SSLContext) -> bool:
    """Tell whether a port speaks TLS and says nothing to who shows these papers; HTTP/2's server has the first word."""
    try:
        opening = asyncio.open_connection(address, port, ssl=papers)
        reader, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
    except (OSError, TimeoutError):
        return False
    try:
        writer.write(PREFACE)
        return await asyncio.wait_for(reader.read(1), ANSWER_SECONDS) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        writer.close()


async def _ask_all(address: str, port: int, methods: list[str]) -> AsyncIterator[Finding]:
    await _talk(address, port, bytes(range(256)) * 64, _whole)  # nonsense, which nobody has to answer
    for token in ("", "Bearer wrong"):
        asked = {"address": address, "port": port, "token": token}
        speaks_http = False
        for verb, path in PATHS:
            code = await _http(address, port, verb, path, token)
            speaks_http = speaks_http or code.isdecimal()
            yield {**asked, "asked": f"{verb} {path}", "answer": code}

        async def call(method: str, token: str = token) -> tuple[str, str]:
            return method, await _grpc(address, port, method, token)

        for method, status in [] if speaks_http else await _each(call, methods):
            yield {**asked, "asked": method, "answer": status}


async def _each(ask: Callable[[Any], Awaitable[Any]], things: Iterable[Any]) -> list[Any]:
    """Ask about all things, some at a time, and keep their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Any) -> Any:
        async with room:
            return await ask(thing)

    return list(await asyncio.gather(*(one(thing) for thing in things)))


async def _http(address: str, port: int, verb: str, path: str, token: str) -> str:
    head = f"{verb} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 2\r\n"
    head += f"Authorization: {token}\r\n" if token else ""
    answer = await _talk(address, port, f"{head}\r\n{{}}".encode(), _whole)
    match = re.match(r"HTTP/1\.[01] (\d+)", answer)
    return match[1] if match else ""


async def _grpc(address: str, port: int, method: str, token: str) -> str:
    """Return the gRPC status of a call with an empty message: 16 is "who are you?", 12 "no such method here"."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": address,
        "te": "trailers",
        "content-type": "application/grpc",
        **({"authorization": token} if token else {}),
    }
    block = b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in fields.items())
    message = PREFACE + _frame(HEADERS, END_HEADERS, block) + _frame(DATA, END_STREAM, bytes(5))
    return await _talk(address, port, message, _status)


def _frame(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", 1) + payload


async def _talk(address: str, port: int, message: bytes, read: Callable[[asyncio.StreamReader], Awaitable[str]]) -> str:
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_SECONDS)
    except (OSError, TimeoutError):
        return "closed"
    try:
        writer.write(message)
        return await asyncio.wait_for(read(reader), ANSWER_SECONDS)
    except TimeoutError:
        return "waits"
    except (OSError, asyncio.IncompleteReadError):
        return ""
    finally:
        writer.close()


async def _whole(reader: asyncio.StreamReader) -> str:
    return (await reader.read(4096)).decode("latin-1")


async def _status(reader: asyncio.StreamReader) -> str:
    """Read frames until the call ends. A first answer holds its trailers literally, so no decoder is needed."""
    while True:
        head = await reader.readexactly(9)
        kind, flags = head[3], head[4]
        payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        status = re.search(rb"grpc-status[\x01\x02](\d{1,2})", payload)
        if kind == HEADERS and status:
            return status[1].decode()
        if kind in (RESET, AWAY):
            return f"reset {payload[-4:].hex()}"
        if kind == HEADERS and flags & END_STREAM:
            return "unreadable"


if __name__ == "__main__":
    installed = find_spec("ray")
    assert installed is not None
    assert installed.origin is not None
    heard = asyncio.run(probe(sys.argv[1:], grpc_methods(Path(installed.origin).parent)))
    sys.stdout.write(json.dumps(heard))
