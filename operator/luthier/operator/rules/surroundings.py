"""Token Secret, NetworkPolicy, headless Service and claim are made before any pod, and made again if they vanish."""

from __future__ import annotations

from datetime import datetime

from luthier.operator.conditions import stalled
from luthier.operator.manifests.surroundings import network_policy, service, storage_claim
from luthier.operator.observation import Observation, Presence
from luthier.operator.plan import Action, Create, CreateTokens
from luthier.operator.verdict import Verdict


def keep_surroundings(seen: Observation, now: datetime) -> Verdict | None:
    """Create what is missing; stop where a name is taken by somebody else's object."""
    taken = _taken(seen)
    if taken:
        message = f"{taken} {seen.identity.base} exists and does not belong to this experiment; delete it"
        return Verdict(rulings=(stalled("NameTaken", message),), is_final=True)
    if not seen.may_create(now):
        return None
    missing: list[Action] = []
    if seen.things.secret is Presence.MISSING:
        missing.append(CreateTokens(seen.identity.base))
    if seen.things.policy is Presence.MISSING:
        missing.append(Create(network_policy(seen.identity, seen.settings.driver_clients)))
    if seen.things.service is Presence.MISSING:
        missing.append(Create(service(seen.identity)))
    if seen.spec.storage.claim_name is None and seen.things.claim is Presence.MISSING:
        missing.append(Create(storage_claim(seen.identity, seen.spec.storage)))
    return Verdict(actions=tuple(missing)) if missing else None


def _taken(seen: Observation) -> str | None:
    things = {
        "Secret": seen.things.secret,
        "NetworkPolicy": seen.things.policy,
        "Service": seen.things.service,
    }
    if seen.spec.storage.claim_name is None:
        things["PersistentVolumeClaim"] = seen.things.claim
    return next((kind for kind, presence in things.items() if presence is Presence.FOREIGN), None)
