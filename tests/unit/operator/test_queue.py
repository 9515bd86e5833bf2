"""The queue of experiments: each once, one worker at a time, with rests after errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from luthier.operator.queue import WorkQueue


def run(scenario: Callable[[WorkQueue[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.set_open(True)
        await scenario(queue)

    asyncio.run(main())


def test_a_key_that_is_added_twice_is_served_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for key in ("a", "b", "a"):
            queue.add(key)
        assert [await queue.take(), await queue.take()] == ["a", "b"]
        assert queue.stuck_seconds() == 0

    run(scenario)


def test_lanes_take_turns_however_many_keys_wait_in_one() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue = WorkQueue(lane_of=lambda key: key[0])
        queue.set_open(True)
        for key in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
            queue.add(key)
        taken = [await queue.take() for _ in range(3)]
        queue.add("d1")
        taken += [await queue.take() for _ in range(5)]
        assert taken == ["a1", "b1", "c1", "a2", "b2", "d1", "a3", "a4"]

    run(scenario)


def test_a_key_that_is_added_during_its_round_is_served_again_after_it() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.add("a")
        taking = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        assert not taking.done()
        queue.done("a")
        assert await taking == "a"

    run(scenario)


def test_a_later_time_replaces_an_earlier_one() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 0)
        queue.add_after("a", 3600)
        queue.add_after("b", 0)
        assert await queue.take() == "b"

    run(scenario)


def test_errors_make_ever_longer_rests_and_success_ends_them() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        async def round_() -> None:
            queue.add("a")
            await queue.take()

        rests = []
        for _ in range(8):
            await round_()
            rests.append(queue.failed("a"))
        assert rests == [0.5, 1, 2, 4, 8, 16, 30, 30]
        await round_()
        queue.done("a")
        await round_()
        assert queue.failed("a") == 0.5

    run(scenario)


def test_it_is_stuck_while_keys_wait_and_no_round_begins_or_ends() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for key in ("a", "b", "c"):
            queue.add(key)
        await asyncio.sleep(0.01)
        assert queue.stuck_seconds() >= 0.01
        await queue.take()
        assert queue.stuck_seconds() < 0.01, "others wait as long as before, but it moves"
        await asyncio.sleep(0.01)
        assert queue.stuck_seconds() >= 0.01
        queue.done("a")
        assert queue.stuck_seconds() < 0.01

    run(scenario)


def test_it_knows_how_long_the_longest_round_takes() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        assert queue.longest_round_seconds() == 0
        queue.add("a")
        await queue.take()
        await asyncio.sleep(0.01)
        assert queue.longest_round_seconds() >= 0.01
        queue.done("a")
        assert queue.longest_round_seconds() == 0

    run(scenario)


def test_a_shut_queue_serves_nobody_and_blames_nobody_for_it() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.set_open(False)
        queue.add("a")
        taking = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0.02)
        assert (taking.done(), queue.stuck_seconds()) == (False, 0)
        queue.set_open(True)
        assert queue.stuck_seconds() < 0.01
        assert await taking == "a"

    run(scenario)


def test_a_worker_that_waits_for_keys_is_held_back_when_the_queue_is_shut_meanwhile() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        taking = asyncio.ensure_future(queue.take())
        await asyncio.sleep(0)
        queue.set_open(False)
        queue.add("a")
        await asyncio.sleep(0.02)
        assert not taking.done()
        queue.set_open(True)
        assert await taking == "a"

    run(scenario)


def test_news_waits_as_long_as_the_server_asked_to() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        begin = asyncio.get_running_loop().time()
        await queue.take()
        assert queue.failed("a", at_least_seconds=0.6) == 0.6
        queue.add("a")
        await queue.take()
        assert asyncio.get_running_loop().time() - begin >= 0.6

    run(scenario)
