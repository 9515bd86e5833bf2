"""The first line of a round: gather all that the rules may look at.

Pods come from the cache, which a list checks when the watch had to begin anew; other objects are asked for by
name, and not again for a while once everything runs.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import ValidationError

from luthier.api import keys
from luthier.api.manifest import Experiment, ManifestError, parse
from luthier.api.status import Status
from luthier.api.wire import Report, WireError, decode
from luthier.operator.cache import Cache, Owner, uid_of
from luthier.operator.cluster import Cluster
from luthier.operator.errors import ForbiddenError
from luthier.operator.facts import why_it_ends
from luthier.operator.follower import Followers
from luthier.operator.manifests import template
from luthier.operator.manifests.names import is_owned
from luthier.operator.manifests.surroundings import claim_name
from luthier.operator.notes import Notebook, Notes
from luthier.operator.observation import Identity, Observation, Pod, PodState, Presence, Things
from luthier.operator.pods import read_pod, trouble_from_events
from luthier.operator.rules.pending import events_due
from luthier.operator.settings import Settings

THINGS_SECONDS = 30
"""While the driver runs, the objects around it are looked at this often."""
ARRIVING_SECONDS = 5
"""And this often while it is about to."""
LIST_SECONDS = 60
"""While something is waited for, the cache is checked this often; and once after a watch that began anew."""
SETTLED_LIST_SECONDS = 900
EVENTS_SECONDS = 15

Json = dict[str, Any]


class Ours(Enum):
    """Whose an object around the pods is."""

    NO = "the user's own"
    SOME = "the experiment's, if it was made"
    UNTOUCHED = "the experiment's, and not made as far as anybody knows"


class Observer:
    """Sees one experiment at a time."""

    def __init__(
        self, cluster: Cluster, cache: Cache, notebook: Notebook, followers: Followers, settings: Settings
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._notebook = notebook
        self._followers = followers
        self._settings = settings

    async def observe(self, body: Json, now: datetime) -> Observation:
        """Return what is to be seen of an experiment now."""
        identity = read_identity(body)
        notes = self._notebook.page(identity.uid)
        _parse_once(body, identity, notes)
        previous = read_status(body)
        await self._check_pods(identity, notes, now)
        pods = [read_pod(pod) for pod in self._cache.pods(_owner(identity)) if is_owned(pod, identity)]
        pods = [await self._with_events(identity, pod, notes, now) for pod in pods]
        notes.dismissed &= {pod.uid for pod in pods}
        pods = [replace(pod, is_dismissed=pod.uid in notes.dismissed) for pod in pods]
        _remember_driver_end(pods, notes)
        seen = Observation(
            identity=identity,
            experiment=notes.experiment,
            problems=notes.problems,
            previous=previous,
            drivers=tuple(sorted((p for p in pods if p.role == keys.ROLE_DRIVER), key=lambda p: p.attempt)),
            workers=tuple(sorted((p for p in pods if p.role == keys.ROLE_WORKER), key=lambda p: (p.attempt, p.index))),
            contact=self._followers.contact(identity.uid),
            driver_end=notes.driver_end,
            refusals=notes.refusals,
            settings=self._settings,
        )
        return replace(seen, last_words=last_words(seen), things=await self._things(seen, notes, now))

    async def _check_pods(self, identity: Identity, notes: Notes, now: datetime) -> None:
        listing = self._cache.listing
        if notes.pods_listed_at is None:  # the watch began with a list of its own
            notes.pods_listed_at, notes.listing = now, listing
        seconds = SETTLED_LIST_SECONDS if self._is_settled(identity) else LIST_SECONDS
        if notes.listing == listing and now < notes.pods_listed_at + timedelta(seconds=seconds):
            return
        known_before = {uid_of(pod) for pod in self._cache.pods(_owner(identity))}
        listed = await self._cluster.list_pods(identity.namespace, identity.uid)
        self._cache.replace_pods(_owner(identity), listed, known_before)
        notes.pods_listed_at, notes.listing = now, listing

    def _is_settled(self, identity: Identity) -> bool:
        """Tell whether nothing is waited for that a lost event could have told: all pods run, and the driver speaks."""
        contact = self._followers.contact(identity.uid)
        speaks = contact.report is not None and contact.unreachable_since is None
        return speaks and all(read_pod(pod).state is PodState.RUNNING for pod in self._cache.pods(_owner(identity)))

    async def _with_events(self, identity: Identity, pod: Pod, notes: Notes, now: datetime) -> Pod:
        if not pod.creating or pod.state is not PodState.PENDING or pod.trouble or now < events_due(pod):
            return pod
        read_at = notes.troubles_read_at.get(pod.uid)
        if read_at is None or now >= read_at + timedelta(seconds=EVENTS_SECONDS):
            events = await self._cluster.list_events(identity.namespace, pod.uid)
            notes.troubles = {pod.uid: trouble_from_events(pod, events), **_others(notes, pod)}
            notes.troubles_read_at[pod.uid] = now
        return replace(pod, trouble=notes.troubles.get(pod.uid))

    async def _things(self, seen: Observation, notes: Notes, now: datetime) -> Things:
        if seen.experiment is None or seen.identity.is_deleted or seen.spec.suspend or seen.has_ended:
            return Things()
        if notes.things is not None and notes.things_seen_at is not None and seen.driver is not None:
            seconds = THINGS_SECONDS if seen.driver.state is PodState.RUNNING else ARRIVING_SECONDS
            fresh = now < notes.things_seen_at + timedelta(seconds=seconds)
            if fresh and seen.driver.is_alive and not notes.things.is_anything_missing:
                return notes.things
        notes.things, notes.things_seen_at = await self._look_around(seen), now
        return notes.things

    async def _look_around(self, seen: Observation) -> Things:
        """Ask for each object; what a new experiment has of its own is not asked for, since creating it tells."""
        identity, spec = seen.identity, seen.spec
        source, claim_given = spec.trial.source, spec.storage.claim_name
        ours = Ours.UNTOUCHED if seen.previous == Status() and not seen.drivers else Ours.SOME
        policy_name = identity.base if self._settings.driver_clients else None
        (secret, _), (service, _), (claim, phase), (code, _), (policy, _) = await asyncio.gather(
            self._presence(identity, "Secret", identity.base, ours),
            self._presence(identity, "Service", identity.base, ours),
            self._presence(
                identity, "PersistentVolumeClaim", claim_name(identity, spec.storage), Ours.NO if claim_given else ours
            ),
            self._presence(identity, "ConfigMap", source.config_map if source else None, Ours.NO),
            self._presence(identity, "NetworkPolicy", policy_name, ours),
        )
        return Things(secret, service, claim, phase, code, policy)

    async def _presence(
        self, identity: Identity, kind: str, name: str | None, ours: Ours
    ) -> tuple[Presence, str | None]:
        if name is None:
            return Presence.PRESENT, None
        if ours is Ours.UNTOUCHED:
            return Presence.MISSING, None
        try:
            body = await self._cluster.get(kind, identity.namespace, name)
        except ForbiddenError:
            return Presence.UNSEEN, None
        if body is None:
            return Presence.MISSING, None
        if ours is Ours.SOME and not is_owned(body, identity):
            return Presence.FOREIGN, None
        return Presence.PRESENT, (body.get("status") or {}).get("phase")


def read_identity(body: Json) -> Identity:
    """Return whose experiment a body is."""
    metadata = body["metadata"]
    return Identity(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        is_deleted="deletionTimestamp" in metadata,
    )


def read_spec(body: Json) -> tuple[Experiment | None, tuple[str, ...]]:
    """Return the experiment that a body holds, or else what is wrong with it, a sentence a fault."""
    try:
        experiment = parse({key: body.get(key) for key in ("apiVersion", "kind", "metadata", "spec")})
    except ManifestError as error:
        return None, tuple(error.problems)
    problems = (
        *template.problems(experiment.spec.driver.template, "spec.driver.template"),
        *template.problems(experiment.spec.workers.template, "spec.workers.template"),
    )
    return (None, problems) if problems else (experiment, ())


def read_status(body: Json) -> Status:
    """Return the status that was written before; one that cannot be read counts as none."""
    try:
        return Status.model_validate(body.get("status") or {})
    except ValidationError:
        return Status()


def last_words(seen: Observation) -> Report | None:
    """Return the report in an ended driver's termination message, if it is one and its own."""
    if seen.driver is None or seen.driver.exit is None or not seen.driver.exit.message:
        return None
    try:
        report = decode(seen.driver.exit.message.encode())
    except WireError:
        return None
    return report if (report.uid, report.attempt) == (seen.identity.uid, seen.driver.attempt) else None


def _owner(identity: Identity) -> Owner:
    return identity.namespace, identity.uid


def _parse_once(body: Json, identity: Identity, notes: Notes) -> None:
    if notes.parsed_generation == identity.generation:
        return
    notes.experiment, notes.problems = read_spec(body)
    notes.parsed_generation = identity.generation


def _remember_driver_end(pods: list[Pod], notes: Notes) -> None:
    """A pod that was told to leave goes without a further word."""
    for pod in pods:
        why = None if pod.role != keys.ROLE_DRIVER or pod.is_dismissed else why_it_ends(pod)
        if why is not None and (notes.driver_end is None or notes.driver_end[0] <= pod.attempt):
            notes.driver_end = pod.attempt, why[0]


def _others(notes: Notes, pod: Pod) -> dict[str, Any]:
    return {uid: trouble for uid, trouble in notes.troubles.items() if uid != pod.uid}
