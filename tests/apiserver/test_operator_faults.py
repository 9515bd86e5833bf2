"""A whole life under every fault: killed at each write, refused, cut off, told old things. The end is the same.

In every life an observer that watches the API server directly sees to it that no place is ever held by two pods,
that no pod is made twice, and that nothing that was said in status is taken back.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from support import operator_scripts as scripts
from support.operator_fixtures import rest
from support.operator_life import End, Life
from support.operator_proxy import Answer, Script
from support.operator_world import Rest

__all__ = ["rest"]
pytestmark = pytest.mark.apiserver
STRIDE = 6
"""A life is killed at every sixth write; six lives for each way to be killed leave out none."""
KILLS = {
    f"killed at write {first} and every {STRIDE}th, {'after' if after else 'before'} it is applied": (first, after)
    for first in range(1, STRIDE + 1)
    for after in (False, True)
}
FAULTS: dict[str, Callable[[], Script]] = {
    "the events of a resume and of a start are lost": scripts.lost_events,
    "one write in three is a conflict": scripts.conflicts,
    "one request in six is one too many": scripts.too_many_requests,
    "one request in six is an error of the server": scripts.server_errors,
    "one request in six is cut before it is applied": scripts.resets_before,
    "one request in six is cut after it is applied": scripts.resets_after,
    "one answer in six is torn": scripts.torn_answers,
    "two of three watches have expired": scripts.expired_watches,
}
UNDISTURBED, TIME_TRAVEL = "undisturbed", "killed, and then told what was there before"
MOST_REQUESTS = 400
"""An undisturbed life takes about 60. A loop that does not rest would take thousands."""
AT_ONCE = 2 * (os.cpu_count() or 1)

Lives = dict[str, "Future[End]"]


@pytest.fixture(scope="module")
def lives(rest: Rest, api_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """All lives, lived side by side: they wait most of the time. The longest begin first."""
    directory = tmp_path_factory.mktemp("lives")

    def begin(script: Script | None = None) -> Future[End]:
        namespace = f"operator-{uuid.uuid4().hex[:8]}"
        travel = scripts.time_travel(rest, namespace, remember_at=11, die_at=22)
        return pool.submit(Life(rest, api_server, directory, namespace, script or travel).live)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {name: begin(make()) for name, make in FAULTS.items()}
        found[TIME_TRAVEL] = begin()
        found[UNDISTURBED] = begin(scripts.nothing)
        for name, (first, after) in KILLS.items():
            found[name] = begin(scripts.kill_at_writes(first, STRIDE, after_apply=after))
        yield found


def test_undisturbed(lives: Lives) -> None:
    life = lives[UNDISTURBED].result()
    assert life.state["experiment"]["status"]["state"] == "Succeeded"
    assert (life.faults, life.deaths, set(life.births.values())) == ([], 0, {1})
    assert len(life.births) == 7, "driver and two workers, then driver and three"


@pytest.mark.parametrize("name", [*FAULTS, TIME_TRAVEL, *KILLS])
def test_the_end_is_that_of_an_undisturbed_life(lives: Lives, name: str) -> None:
    life, undisturbed = lives[name].result(), lives[UNDISTURBED].result()
    assert life.state == undisturbed.state
    assert life.births == undisturbed.births, "each pod was made once, and no other"
    assert life.faults == []
    assert len(life.requests) < MOST_REQUESTS
    assert life.deaths >= (4 if name in KILLS else name == TIME_TRAVEL)
    assert "Traceback" not in life.log


def test_who_is_told_to_come_later_comes_later(lives: Lives) -> None:
    requests = lives["one request in six is one too many"].result().requests
    told = [number for number, request in enumerate(requests) if isinstance(request.fault, Answer) and request.write]
    assert told
    for number in told:
        next_write = next((request for request in requests[number + 1 :] if request.write), None)
        assert next_write is None or next_write.time - requests[number].time >= 1
