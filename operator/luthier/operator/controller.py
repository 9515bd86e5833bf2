"""Rounds: each experiment that asks for one gets observe, decide, execute, project, and its status written.

A round looks at the whole experiment and never at what woke it, so it may be repeated,
skipped or interrupted anywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from luthier.api.status import Status
from luthier.operator.arrivals import look
from luthier.operator.cache import Cache, Key, key_of, uid_of, version_of
from luthier.operator.cluster import Cluster, Json
from luthier.operator.decide import decide
from luthier.operator.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from luthier.operator.execute import Executor
from luthier.operator.follower import Followers, Target
from luthier.operator.manifests.event import event
from luthier.operator.metrics import Arrivals, Rounds
from luthier.operator.news import may_tell_stall, news
from luthier.operator.notes import Notebook
from luthier.operator.observation import Observation, PodState
from luthier.operator.observe import Observer
from luthier.operator.pace import due
from luthier.operator.plan import Create, CreateTokens, DeletePod, touches_objects
from luthier.operator.pods import as_time
from luthier.operator.project import project, status_patch
from luthier.operator.queue import WorkQueue
from luthier.operator.story import RECOVERED, STALLED, Happening, tell
from luthier.operator.verdict import Decision

LOGGER = logging.getLogger(__name__)
WORKERS = 16
"""Rounds at a time. A round mostly waits for the API server, which shares itself out fairly among its clients."""
TICK_SECONDS = 15
"""An experiment that has not ended is looked at this often though nothing was heard."""

ASK_SECONDS = 60
"""And read past the watch this often, as its pods are."""

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
        arrivals: Arrivals,
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
        self._arrivals = arrivals
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
                # Somebody wrote in between. What they wrote has been read, and is the next round's to look at.
                self._rounds.count_error(ConflictError.reason)
                self._queue.failed(key)
            except Exception as error:
                reason = error.reason if isinstance(error, ClusterError) else type(error).__name__
                self._rounds.count_error(reason)
                wanted = error.retry_after_seconds if isinstance(error, UnavailableError) else 0
                seconds = self._queue.failed(key, wanted)
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
        acts = any(touches_objects(action) for action in decision.actions)
        if (acts or self._is_due(seen, now)) and not await self._is_current(body):
            self._queue.add(key)
            return
        seen, decision = await self._execute(seen, decision, now)
        if self._is_gone(key, seen.identity.uid):
            return
        self._followers.follow(seen.identity.uid, whom_to_follow(seen))
        notes = self._notebook.page(seen.identity.uid)
        self._count_arrivals(body, seen)
        status = project(seen, decision, now)
        patch = {} if decision.is_silent else status_patch(body.get("status") or {}, status)
        not_before = due(seen.previous, status, notes.written_at) if patch else None
        is_early = not_before is not None and not_before > now
        written = bool(patch) and not is_early and await self._write(body, seen, status, patch, now)
        later = await self._tell_news(seen, now)
        self._plan_next(key, seen, [decision.look_again, not_before if is_early else None, later], now, at_once=written)

    def _count_arrivals(self, body: Json, seen: Observation) -> None:
        created = as_time(body["metadata"].get("creationTimestamp"))
        news = look(seen, self._notebook.page(seen.identity.uid).arrived, created)
        if news.wait_seconds is not None:
            self._arrivals.count_wait(news.wait_seconds)
        if news.startup_seconds is not None:
            self._arrivals.count_startup(news.startup_seconds)

    def _is_due(self, seen: Observation, now: datetime) -> bool:
        """Tell whether the watch's copy has been trusted for long; the first one has just been listed."""
        notes = self._notebook.page(seen.identity.uid)
        notes.asked_at = notes.asked_at or now
        if now < notes.asked_at + timedelta(seconds=ASK_SECONDS):
            return False
        notes.asked_at = now
        return True

    async def _is_current(self, body: Json) -> bool:
        """Ask the API server whether an experiment is still as the cache has it, and bring the cache up to date.

        A watch may be long behind, or lose what makes the difference. A status carries its resource version and would
        be turned away; a create or a deletion has nothing to show, so the question comes before it.
        """
        namespace, name = key_of(body)
        found = await self._cluster.read_experiment(namespace, name)
        if found is None:
            self.forget(body)
            return False
        self._cache.keep_experiment(found)
        return version_of(found) == version_of(body)

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
        notes = self._notebook.page(seen.identity.uid)
        notes.dismissed |= {action.uid for action in decision.actions if isinstance(action, DeletePod)}
        refusals = await self._executor.execute(seen, decision.actions, now)
        notes.refusals = refusals
        if notes.things is not None and not refusals:
            made = (action.kind for action in decision.actions if isinstance(action, Create | CreateTokens))
            notes.things = notes.things.with_made(made)
        if refusals == seen.refusals:
            return seen, decision
        # What was refused, or no longer is, belongs into the status of this very round.
        seen = seen.with_refusals(refusals)
        return seen, decide(seen, now)

    async def _write(self, body: Json, seen: Observation, status: Status, patch: Json, now: datetime) -> bool:
        """Write status, and events about it once it is written; return whether it was."""
        guard = {"resourceVersion": body["metadata"]["resourceVersion"], "uid": seen.identity.uid}
        try:
            stored = await self._cluster.patch_status(
                seen.identity.namespace, seen.identity.name, {"metadata": guard, "status": patch}
            )
        except NotFoundError:
            return False
        except ConflictError:
            await self._is_current(body)
            raise
        self._cache.keep_experiment(stored)
        notes = self._notebook.page(seen.identity.uid)
        notes.written_version, notes.written_at = version_of(stored), now
        for happening in tell(seen.previous, status):
            if happening.reason in (STALLED, RECOVERED) and not may_tell_stall(notes.told, now):
                continue
            await self._post(seen, happening)
        return True

    async def _tell_news(self, seen: Observation, now: datetime) -> datetime | None:
        """Post events about what trials have done, as status says it; return when there will be more to post."""
        told = self._notebook.page(seen.identity.uid).told
        objectives = seen.spec.objectives if seen.experiment is not None else ()
        happenings, later = news(told, seen.previous, objectives, now, has_ended=seen.has_ended)
        for happening in happenings:
            await self._post(seen, happening)
        return later

    async def _post(self, seen: Observation, told: Happening) -> None:
        """An event that cannot be posted is no reason to stop."""
        manifest = event(seen.identity, told.reason, told.message, warning=told.is_warning, time=told.time)
        try:
            await self._cluster.create(manifest)
        except AlreadyExistsError:
            return
        except (RefusedError, NotFoundError) as error:
            LOGGER.debug("event not posted: %s", error)

    def _plan_next(
        self, key: Key, seen: Observation, moments: list[datetime | None], now: datetime, *, at_once: bool
    ) -> None:
        if at_once:
            # The acknowledgement, for one, follows from what has just been written.
            self._queue.add(key)
        if seen.identity.is_deleted:
            return
        has_ended = seen.has_ended
        waits = [] if has_ended and not at_once else [float(TICK_SECONDS)]
        waits += [(moment - now).total_seconds() + 0.05 for moment in moments if moment is not None]
        if waits:
            self._queue.add_after(key, max(0.05, min(waits)))
        else:
            self._queue.cancel_later(key)


def whom_to_follow(seen: Observation) -> Target | None:
    """Return the driver whose progress is to be followed, if there is one."""
    driver = seen.driver
    if driver is None or driver.state is not PodState.RUNNING or not driver.ip or seen.experiment is None:
        return None
    return Target(seen.identity, driver.attempt, driver.ip)
