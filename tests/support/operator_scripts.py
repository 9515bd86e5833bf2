"""Faults for a whole life, as scripts of a proxy. A script is asked by one request at a time."""

from __future__ import annotations

import itertools
import json
import random
import threading

from luthier.api import keys
from support.operator_proxy import Answer, Copy, Death, Fault, Json, Request, Reset, Script, Sieve, Torn, Waits
from support.operator_world import CORE, EXPERIMENTS, Rest

GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
HOLD_SECONDS = 4


def nothing(_request: Request) -> Fault | None:
    """Every request is passed on."""
    return None


def kill_at_writes(first: int, then_every: int, *, after_apply: bool) -> Script:
    """Kill the operator at one write and at every n-th after it."""

    def script(request: Request) -> Fault | None:
        is_due = request.write >= first and (request.write - first) % then_every == 0
        return Death(after_apply) if is_due else None

    return script


def now_and_then(fault: Fault, *, one_in: int, only_writes: bool = False) -> Script:
    """Give the same fault to one in so many requests that are no watch: by lot, so that no pattern locks a step out."""
    lot = random.Random(one_in)

    def script(request: Request) -> Fault | None:
        if request.is_watch or (only_writes and not request.write):
            return None
        return fault if lot.randrange(one_in) == 0 else None

    return script


def conflicts() -> Script:
    return now_and_then(Answer(409, "Conflict"), one_in=3, only_writes=True)


def too_many_requests() -> Script:
    return now_and_then(Answer(429, "TooManyRequests", (("Retry-After", "1"),)), one_in=6)


def server_errors() -> Script:
    return now_and_then(Answer(500, "InternalError"), one_in=6)


def resets_before() -> Script:
    return now_and_then(Reset(after_apply=False), one_in=6)


def resets_after() -> Script:
    return now_and_then(Reset(after_apply=True), one_in=6)


def torn_answers() -> Script:
    """But for discovery, with which the watch begins: without that the process ends and is started again."""
    torn = now_and_then(Torn(), one_in=6)
    return lambda request: torn(request) if "/namespaces/" in request.path else None


def expired_watches() -> Script:
    """Every watch but each third begins with `410 Gone`: its resource version is compacted away."""
    numbers = itertools.count()

    def script(request: Request) -> Fault | None:
        is_due = request.is_watch and next(numbers) % 3 != 2
        return Copy(json.dumps(GONE).encode() + b"\n") if is_due else None

    return script


def lost_events() -> Script:
    """Two events never come: that the experiment is to be resumed, and that its second driver runs."""
    lost: set[str] = set()

    def keeps(event: Json) -> bool:
        body = event["object"]
        is_resumed = body.get("metadata", {}).get("generation") == 3
        runs = body["kind"] == "Pod" and body["status"].get("phase") == "Running"
        is_second_driver = runs and body["metadata"]["name"].endswith("-driver-2")
        name = "resumed" if is_resumed else "driver" if is_second_driver else ""
        if not name or name in lost:
            return True
        lost.add(name)
        return False

    sieve = Sieve(keeps)
    return lambda request: sieve if request.is_watch else None


def time_travel(rest: Rest, namespace: str, remember_at: int, die_at: int) -> Script:
    """Kill the operator in its second attempt and let it list what was there in the first.

    Its watches wait for some seconds, and then tell all that happened since. What the operator asks for by name or
    by an experiment's uid is told as it is: the API server promises that for reads without a resource version.
    """
    old: dict[str, bytes] = {}
    served: set[str] = set()
    died = threading.Event()
    lists = {
        f"{CORE}/{namespace}/pods?labelSelector={keys.LABEL_UID}": f"{CORE}/{namespace}/pods",
        f"{EXPERIMENTS}/{namespace}/{keys.PLURAL}": f"{EXPERIMENTS}/{namespace}/{keys.PLURAL}",
    }

    def script(request: Request) -> Fault | None:
        if request.write == remember_at:
            old.update({path: json.dumps(rest("GET", real)).encode() for path, real in lists.items()})
        if request.write == die_at:
            died.set()
            return Death(after_apply=True)
        path = request.path.replace("%2F", "/")
        if died.is_set() and path in old and path not in served:
            served.add(path)
            return Copy(old[path])
        return Waits(HOLD_SECONDS) if died.is_set() and request.is_watch else None

    return script
