"""The third line of a round: carry out a plan, in order, and remember what was refused.

Every action may be repeated: a create that finds our own object, and a delete that finds
nothing, have done what they should. The first refusal ends the plan, since what comes after
it needs what came before.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from luthier.api import keys
from luthier.api.experiment import Budget
from luthier.api.wire import WorkerFact
from luthier.operator import backoff
from luthier.operator.cache import Cache
from luthier.operator.cluster import Cluster, Json
from luthier.operator.driver_client import DriverError
from luthier.operator.errors import AlreadyExistsError, ConflictError, NotFoundError, RefusedError
from luthier.operator.follower import Followers
from luthier.operator.manifests.names import is_owned
from luthier.operator.manifests.surroundings import token_secret
from luthier.operator.observation import Observation, Refusal
from luthier.operator.plan import (
    Acknowledge,
    Action,
    Create,
    CreateTokens,
    DeleteExperiment,
    DeletePod,
    PushBudget,
    PushFacts,
)

LOGGER = logging.getLogger(__name__)
TOKEN_BYTES = 32


class Executor:
    """Carries out plans."""

    def __init__(self, cluster: Cluster, cache: Cache, followers: Followers) -> None:
        self._cluster = cluster
        self._cache = cache
        self._followers = followers

    async def execute(self, seen: Observation, actions: Iterable[Action], now: datetime) -> tuple[Refusal, ...]:
        """Carry out the actions; return the creates that stand refused after them."""
        tried = False
        for action in actions:
            level = logging.DEBUG if isinstance(action, Acknowledge) else logging.INFO  # said again until it leaves
            LOGGER.log(level, "%s/%s: %s", seen.identity.namespace, seen.identity.name, action)
            tried = tried or isinstance(action, Create | CreateTokens)
            try:
                await self._carry_out(seen, action)
            except RefusedError as error:
                if not isinstance(action, Create | CreateTokens):
                    raise
                return (_refusal(seen, action, error, now),)
        # Nothing left to create, or all of it created: what was refused before no longer matters.
        return () if tried or seen.may_create(now) else seen.refusals

    async def _carry_out(self, seen: Observation, action: Action) -> None:
        identity = seen.identity
        match action:
            case Create(manifest):
                await self._create(seen, manifest)
            case CreateTokens():
                tokens = (secrets.token_hex(TOKEN_BYTES), secrets.token_hex(TOKEN_BYTES))
                image = seen.spec.trial.image or seen.settings.trial_image
                await self._create(seen, token_secret(identity, *tokens, image))
            case DeletePod(name, uid, grace_seconds):
                await self._delete("Pod", identity.namespace, name, uid, grace_seconds)
            case DeleteExperiment(name, uid):
                await self._delete(keys.KIND, identity.namespace, name, uid)
            case PushBudget(generation, budget):
                await self._push_budget(identity.uid, generation, budget)
            case PushFacts(facts):
                await self._push_facts(identity.uid, facts)
            case Acknowledge():
                self._followers.acknowledge(identity.uid)

    async def _create(self, seen: Observation, manifest: Json) -> None:
        kind, metadata = manifest["kind"], manifest["metadata"]
        try:
            created = await self._cluster.create(manifest)
        except AlreadyExistsError:
            existing = await self._cluster.get(kind, metadata["namespace"], metadata["name"])
            if existing is not None and not is_owned(existing, seen.identity):
                message = f"{kind} {metadata['name']} exists and belongs to somebody else"
                raise RefusedError(message) from None
            created = existing or {}
        except NotFoundError as error:
            raise RefusedError(str(error)) from error
        if kind == "Pod" and created:
            self._cache.keep_pod(created)

    async def _delete(self, kind: str, namespace: str, name: str, uid: str, grace_seconds: int | None = None) -> None:
        try:
            await self._cluster.delete(kind, namespace, name, uid=uid, grace_seconds=grace_seconds)
        except ConflictError:
            LOGGER.debug("%s %s/%s is another one by now", kind, namespace, name)

    async def _push_budget(self, uid: str, generation: int, budget: Budget) -> None:
        try:
            await self._followers.push_budget(uid, generation, budget)
        except DriverError as error:
            LOGGER.warning("budget of generation %d could not be pushed: %s", generation, error)

    async def _push_facts(self, uid: str, facts: tuple[WorkerFact, ...]) -> None:
        try:
            await self._followers.push_facts(uid, facts)
        except DriverError as error:
            LOGGER.warning("what became of worker pods could not be told: %s", error)


def _refusal(seen: Observation, action: Create | CreateTokens, error: RefusedError, now: datetime) -> Refusal:
    before = next((r for r in seen.refusals if (r.kind, r.name) == (action.kind, action.name)), None)
    failures = before.failures + 1 if before else 1
    retry_at = now + timedelta(seconds=backoff.refusal_seconds(failures))
    return Refusal(action.kind, action.name, error.reason, str(error), failures, retry_at)
