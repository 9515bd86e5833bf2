"""The one input of every rule: all that was seen of one experiment, at one moment, frozen.

Children stand in buckets; "could not see" is a bucket of its own and never means "is not there".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from luthier.api.experiment import Spec
from luthier.api.failures import Cause
from luthier.api.manifest import Experiment
from luthier.api.naming import base_name
from luthier.api.status import Status
from luthier.api.wire import Outcome, Report
from luthier.operator.conditions import ConditionType, holds
from luthier.operator.contact import Contact
from luthier.operator.settings import Settings

UNSEEN_SECONDS = 60
"""A pod that outlives the end of its grace by this much sits on a node that nobody can see."""


class PodState(StrEnum):
    """Where a pod stands, as far as anybody can see."""

    PENDING = "Pending"
    RUNNING = "Running"
    ENDED = "Ended"
    LEAVING = "Leaving"
    UNSEEN = "Unseen"


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not come up: a stable reason and a sentence."""

    reason: str
    message: str
    since: datetime


@dataclass(frozen=True)
class Disruption:
    """Why Kubernetes ends a pod that did nothing wrong."""

    reason: str
    """As in the pod's condition DisruptionTarget."""
    message: str


@dataclass(frozen=True)
class Exit:
    """How the container `trial` ended."""

    code: int
    reason: str
    message: str
    """Its termination message."""
    time: datetime


@dataclass(frozen=True)
class Pod:
    """What the rules need to know of one child pod."""

    name: str
    uid: str
    role: str
    attempt: int
    index: int
    """Of a worker; 0 for a driver."""
    state: PodState
    created: datetime
    ready: bool = False
    ip: str | None = None
    started: datetime | None = None
    exit: Exit | None = None
    gone_by: datetime | None = None
    """Of a leaving pod: the end of its grace."""
    creating: bool = False
    """Scheduled, but its container has not started and says nothing of why."""
    restarts: int = 0
    """Of a driver: how many lost ones came before it."""
    trouble: Trouble | None = None
    disruption: Disruption | None = None
    is_cut_off: bool = False
    """Its node is not heard of: Kubernetes took back that it is ready, and nobody there did."""
    is_dismissed: bool = False
    """The operator itself told it to end."""

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs, will run, or may still run where nobody can see it."""
        return self.state in (PodState.PENDING, PodState.RUNNING, PodState.UNSEEN)

    @property
    def beyond_reach_at(self) -> datetime | None:
        """When a leaving pod should long be gone, so that only the fence on the storage can stop it."""
        return self.gone_by and self.gone_by + timedelta(seconds=UNSEEN_SECONDS)

    def is_beyond_reach(self, now: datetime) -> bool:
        """Tell whether that moment has come."""
        return self.beyond_reach_at is not None and now >= self.beyond_reach_at


class Presence(StrEnum):
    """Whether an object is there."""

    PRESENT = "Present"
    MISSING = "Missing"
    FOREIGN = "Foreign"
    """The name is taken by an object that is not ours."""
    UNSEEN = "Unseen"


@dataclass(frozen=True)
class Things:
    """The objects around the pods."""

    secret: Presence = Presence.UNSEEN
    service: Presence = Presence.UNSEEN
    claim: Presence = Presence.UNSEEN
    """The experiment's own claim, or the one that `storage.claimName` names."""
    claim_phase: str | None = None
    source: Presence = Presence.PRESENT
    """The ConfigMap with the trial's code, where the experiment names one."""
    policy: Presence = Presence.PRESENT
    """The NetworkPolicy, where the operator is to make one."""

    @property
    def is_anything_missing(self) -> bool:
        """Tell whether something is still to be created, by us or by the user."""
        return Presence.MISSING in (self.secret, self.service, self.claim, self.source)

    def with_made(self, kinds: Iterable[str]) -> Things:
        """Return these after objects of such kinds were created."""
        return replace(self, **{MADE[kind]: Presence.PRESENT for kind in kinds if kind in MADE})


MADE = {"Secret": "secret", "Service": "service", "PersistentVolumeClaim": "claim", "NetworkPolicy": "policy"}
"""What the operator makes besides pods: kind, and field of `Things`."""


@dataclass(frozen=True)
class Refusal:
    """A create that the API server did not carry out."""

    kind: str
    name: str
    reason: str
    message: str
    failures: int
    """How often in a row."""
    retry_at: datetime


@dataclass(frozen=True)
class Identity:
    """Whose experiment it is."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    is_deleted: bool = False

    @property
    def base(self) -> str:
        """Return the start of its children's names; it carries the uid, so a re-created experiment adopts nothing."""
        return base_name(self.name, self.uid)


@dataclass(frozen=True)
class Observation:
    """Everything that the rules may look at."""

    identity: Identity
    experiment: Experiment | None
    problems: tuple[str, ...] = ()
    """What is wrong with the spec; there is then no parsed experiment."""
    previous: Status = field(default_factory=Status)
    drivers: tuple[Pod, ...] = ()
    workers: tuple[Pod, ...] = ()
    things: Things = Things()
    contact: Contact = field(default_factory=Contact)
    last_words: Report | None = None
    """What the ended driver left in its termination message."""
    driver_end: tuple[int, Cause] | None = None
    """Attempt of the last driver that was seen to end, and why; its pod may be gone by now."""
    refusals: tuple[Refusal, ...] = ()
    settings: Settings = field(default_factory=Settings)

    @property
    def spec(self) -> Spec:
        """The spec; only rules after `rejected` may ask."""
        if self.experiment is None:
            raise LookupError(f"experiment {self.identity.name} has no valid spec")
        return self.experiment.spec

    @property
    def attempt(self) -> int:
        """Number of the newest driver that ever was."""
        return max([self.previous.attempt, *(pod.attempt for pod in self.drivers)])

    @property
    def restarts(self) -> int:
        """Drivers that were replaced because they were lost."""
        return max([self.previous.restarts, *(pod.restarts for pod in self.drivers)])

    @property
    def driver(self) -> Pod | None:
        """The pod of the newest driver, if it is there."""
        return next((pod for pod in self.drivers if pod.attempt == self.attempt), None)

    @property
    def stale_drivers(self) -> tuple[Pod, ...]:
        """Drivers of older attempts."""
        return tuple(pod for pod in self.drivers if pod.attempt < self.attempt)

    @property
    def ready_workers(self) -> tuple[Pod, ...]:
        """Workers of the newest attempt that run."""
        return tuple(pod for pod in self.workers if pod.attempt == self.attempt and pod.ready)

    @property
    def report(self) -> Report | None:
        """The newest report of the newest driver."""
        known = [r for r in (self.contact.report, self.last_words) if r is not None and r.attempt == self.attempt]
        return max(known, key=lambda report: (report.outcome is not None, report.sequence), default=None)

    @property
    def outcome(self) -> Outcome | None:
        """How the search ended, if it did."""
        return self.report.outcome if self.report else None

    @property
    def has_ended(self) -> bool:
        """Tell whether status says that the search has ended, and the user asks for no more."""
        return self._is_said_to_have_ended and not self.is_reopened

    @property
    def is_reopened(self) -> bool:
        """Tell whether the newest driver is one that ended, and the next one is to go on from there.

        That begins with the raised budget and lasts until the next driver's pod is there, whoever dies in between:
        until then status keeps the budget that the end was an end for.
        """
        ended = self.previous.ended_budget
        if self.is_past_its_end:
            return not self.is_stopped_without_a_driver
        if ended is None or not self._is_said_to_have_ended or self.experiment is None:
            return False
        return bool(self.spec.budget.raised_since(ended))

    @property
    def is_past_its_end(self) -> bool:
        """Tell whether status has taken the end back, and the driver that is to go on from there does not exist yet.

        What the newest driver says of an end is the old one.
        """
        taken_back = self.previous.ended_budget is not None and not self._is_said_to_have_ended
        return taken_back and self.attempt == self.previous.attempt

    @property
    def is_stopped_without_a_driver(self) -> bool:
        """Tell whether the user ends what no driver can end: there never was one, or none comes up.

        A driver that is merely lost is replaced, and the next one ends it and writes the report. One that status
        already says is held up, or one that ends again and again, is not waited for.
        """
        if self.experiment is None or not self.spec.budget.stop:
            return False
        return self.attempt == 0 or self._is_held_up

    @property
    def _is_held_up(self) -> bool:
        said = self.previous
        stands_still = holds(said, ConditionType.STALLED) and not holds(said, ConditionType.RUNNING)
        runs_not = self.driver is None or self.driver.state in (PodState.PENDING, PodState.ENDED)
        return stands_still and runs_not and said.attempt == self.attempt

    @property
    def _is_said_to_have_ended(self) -> bool:
        """Tell whether status says so of the newest driver: a newer one exists only because the search goes on."""
        said = holds(self.previous, ConditionType.SUCCEEDED) or holds(self.previous, ConditionType.FAILED)
        return said and self.attempt == self.previous.attempt

    def may_create(self, now: datetime) -> bool:
        """Tell whether the rest after the last refused create is over."""
        return all(refusal.retry_at <= now for refusal in self.refusals)

    def with_refusals(self, refusals: tuple[Refusal, ...]) -> Observation:
        """Return the same observation after creates were refused."""
        return replace(self, refusals=refusals)
