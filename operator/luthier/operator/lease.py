"""The Lease by which operators agree on who leads: its record, and when a candidate may take it. Pure.

A candidate judges by its own clock since it last saw the record change, as client-go does: the times
in the record are for people, so clocks that differ between machines do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Lease:
    """A Lease as the API server holds it."""

    name: str
    namespace: str
    holder: str = ""
    """Empty once its holder has given it back."""
    seconds: int = 0
    """How long the holder asked to be left alone after each renewal."""
    transitions: int = 0
    acquired: str = ""
    version: str = ""
    """Resource version; empty for a record that is not stored yet."""

    @classmethod
    def of(cls, body: Json) -> Lease:
        """Read an object; what somebody else left out or broke counts as empty."""
        metadata, spec = body["metadata"], body.get("spec") or {}
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            holder=spec.get("holderIdentity") or "",
            seconds=spec.get("leaseDurationSeconds") or 0,
            transitions=spec.get("leaseTransitions") or 0,
            acquired=spec.get("acquireTime") or "",
            version=metadata.get("resourceVersion") or "",
        )

    def held_by(self, holder: str, seconds: int, now: datetime) -> Json:
        """Return the object that makes it this holder's, or renews it, or with an empty holder gives it back."""
        is_renewal = holder in (self.holder, "")
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": self.acquired if is_renewal and self.acquired else _micro_time(now),
            "renewTime": _micro_time(now),
            "leaseTransitions": self.transitions if is_renewal or not self.version else self.transitions + 1,
        }
        metadata = {"name": self.name, "namespace": self.namespace}
        if self.version:
            metadata["resourceVersion"] = self.version
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


@dataclass(frozen=True)
class Sight:
    """What a candidate has seen of the record, and since when it has seen nothing new."""

    lease: Lease
    since: float
    """By the candidate's own clock, taken after the answer had come."""

    def then(self, found: Lease | None, now: float) -> Sight:
        """Return the sight after another look; that the record is gone is no news: its holder may not know yet."""
        return self if found is None or found.version == self.lease.version else Sight(found, now)

    def may_be_taken(self, holder: str, now: float) -> bool:
        """Tell whether this candidate may take it now."""
        return self.lease.holder in ("", holder) or now >= self.expires_at

    @property
    def expires_at(self) -> float:
        """When its holder has surely stopped, unless the record changes before."""
        return self.since + self.lease.seconds


def _micro_time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
