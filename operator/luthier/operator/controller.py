"""Rounds: each experiment that asks for one gets observe, decide, execute, project, and its status written.

A round looks at the whole experiment and never at what woke it, so it may be repeated,
skipped or interrupted anywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from luthier.operator.cache import Cache, Key, uid_of, version_of
from luthier.operator.cluster import Cluster, Json
from luthier.operator.decide import decide
from luthier.operator.errors import AlreadyExistsError, ClusterError, ConflictError, NotFoundError, RefusedError
from luthier.operator.execute import Executor
from luthier.operator.follower import Followers, Target
from luthier.operator.manifests.event import event
from luthier.operator.metrics import Rounds
from luthier.operator.notes import Notebook
from luthier.operator.observation import Observation, PodState
from luthier.operator.observe import Observer
from luthier.operator.project import project, status_patch
from luthier.operator.queue import WorkQueue
from luthier.operator.story import tell
from luthier.operator.verdict import Decision

LOGGER = logging.getLogger(__name__)
WORKERS = 4
TICK_SECONDS = 15
"""An experiment that has not ended is looked at this often though nothing was heard."""

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Return the time, as everything outside this process counts it."""
    return datetime.now(UTC)


class Controller:
    """Serves the queue of experiments."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        notebook: Notebook,
        followers: Followers,
        queue: WorkQueue[Key],
        observer: Observer,
        rounds: Rounds,
        clock: Clock = wall_clock,
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._notebook = notebook
        self._followers = followers
        self._queue = queue
        self._observer = observer
        self._executor = Executor(cluster, cache, followers)
        self._rounds = rounds
        self._clock = clock

    async def serve(self) -> None:
        """Serve the queue until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(self._work(), name=f"worker {number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                with self._rounds.measured():
                    await self.reconcile(key)
            except ConflictError:
                # Somebody wrote in between. The watch will bring their copy, and with it the next round.
                self._rounds.count_error(ConflictError.reason)
                self._queue.failed(key)
            except Exception as error:
                reason = error.reason if isinstance(error, ClusterError) else type(error).__name__
                self._rounds.count_error(reason)
                seconds = self._queue.failed(key)
                unexpected = not isinstance(error, ClusterError)
                LOGGER.warning("%s/%s: %s: %s; next try in %g s", *key, reason, error, seconds, exc_info=unexpected)
            else:
                self._queue.done(key)

    async def reconcile(self, key: Key) -> None:
        """Bring one experiment a step nearer to what it should be, and its status up to date."""
        body = self._cache.experiment(key)
        if body is None:
            self._queue.cancel_later(key)
            return
        now = self._clock()
        seen = await self._observer.observe(body, now)
        decision = decide(seen, now)
        seen, decision = await self._execute(seen, decision, now)
        if self._is_gone(key, seen.identity.uid):
            return
        self._followers.follow(seen.identity.uid, whom_to_follow(seen))
        written = not decision.is_silent and await self._write(body, seen, decision, now)
        self._plan_next(key, seen, decision, now, at_once=written)

    def _is_gone(self, key: Key, uid: str) -> bool:
        """Tell whether the experiment went away during its own round, and leave nothing of it behind."""
        body = self._cache.experiment(key)
        if body is not None and uid_of(body) == uid:
            return False
        self._followers.forget(uid)
        self._notebook.tear_out(uid)
        return True

    def forget(self, body: Json) -> None:
        """Let go of everything about an experiment that is no more."""
        self._cache.drop_experiment(body)
        self._followers.forget(uid_of(body))
        self._notebook.tear_out(uid_of(body))

    async def _execute(self, seen: Observation, decision: Decision, now: datetime) -> tuple[Observation, Decision]:
        refusals = await self._executor.execute(seen, decision.actions, now)
        self._notebook.page(seen.identity.uid).refusals = refusals
        if refusals == seen.refusals:
            return seen, decision
        # What was refused, or no longer is, belongs into the status of this very round.
        seen = seen.with_refusals(refusals)
        return seen, decide(seen, now)

    async def _write(self, body: Json, seen: Observation, decision: Decision, now: datetime) -> bool:
        """Write status if it says anything new, and events about it once it is written; return whether it was."""
        status = project(seen, decision, now)
        patch = status_patch(body.get("status") or {}, status)
        if not patch:
            return False
        guard = {"resourceVersion": body["metadata"]["resourceVersion"], "uid": seen.identity.uid}
        try:
            stored = await self._cluster.patch_status(
                seen.identity.namespace, seen.identity.name, {"metadata": guard, "status": patch}
            )
        except NotFoundError:
            return False
        self._cache.keep_experiment(stored)
        notes = self._notebook.page(seen.identity.uid)
        notes.written_version, notes.written_at = version_of(stored), now
        for happening in tell(seen.previous, status):
            manifest = event(
                seen.identity, happening.reason, happening.message, warning=happening.is_warning, time=happening.time
            )
            await self._post(manifest)
        return True

    async def _post(self, manifest: Json) -> None:
        """An event that cannot be posted is no reason to stop."""
        try:
            await self._cluster.create(manifest)
        except AlreadyExistsError:
            return
        except (RefusedError, NotFoundError) as error:
            LOGGER.debug("event not posted: %s", error)

    def _plan_next(self, key: Key, seen: Observation, decision: Decision, now: datetime, *, at_once: bool) -> None:
        if at_once:
            # The acknowledgement, for one, follows from what has just been written.
            self._queue.add(key)
        if seen.identity.is_deleted:
            return
        has_ended = seen.previous.completion_time is not None
        due = [] if has_ended and not at_once else [float(TICK_SECONDS)]
        if decision.look_again is not None:
            due.append((decision.look_again - now).total_seconds() + 0.05)
        if due:
            self._queue.add_after(key, max(0.05, min(due)))
        else:
            self._queue.cancel_later(key)


def whom_to_follow(seen: Observation) -> Target | None:
    """Return the driver whose progress is to be followed, if there is one."""
    driver = seen.driver
    if driver is None or driver.state is not PodState.RUNNING or not driver.ip or seen.experiment is None:
        return None
    return Target(seen.identity, driver.attempt, driver.ip)
