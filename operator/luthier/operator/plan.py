"""A plan is data: frozen actions that `execute` carries out in order.

They compare with `==`, so a test says what a situation leads to in one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from luthier.api.experiment import Budget
from luthier.api.wire import WorkerFact

DEFAULT_GRACE_SECONDS = 30


@dataclass(frozen=True)
class Create:
    """Create a child; a repeated create is harmless because its name is fixed."""

    manifest: dict[str, Any]

    @property
    def kind(self) -> str:
        """Kind of the child."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """Name of the child."""
        return str(self.manifest["metadata"]["name"])

    def __str__(self) -> str:
        return f"create {self.kind} {self.name}"


@dataclass(frozen=True)
class CreateTokens:
    """Create the Secret with fresh random tokens; no plan ever holds a token."""

    name: str

    kind = "Secret"

    def __str__(self) -> str:
        return f"create Secret {self.name}"


@dataclass(frozen=True)
class DeletePod:
    """Delete one pod, and no other that has since taken its name."""

    name: str
    uid: str
    grace_seconds: int = DEFAULT_GRACE_SECONDS

    def __str__(self) -> str:
        return f"delete Pod {self.name}"


@dataclass(frozen=True)
class DeleteExperiment:
    """Delete the experiment itself; its children follow by their owner references."""

    name: str
    uid: str

    def __str__(self) -> str:
        return f"delete experiment {self.name}"


@dataclass(frozen=True)
class PushBudget:
    """Tell the running driver the budget of a newer generation."""

    generation: int
    budget: Budget

    def __str__(self) -> str:
        return f"push budget of generation {self.generation}"


@dataclass(frozen=True)
class PushFacts:
    """Tell the running driver what Kubernetes knows of its worker pods."""

    facts: tuple[WorkerFact, ...]

    def __str__(self) -> str:
        return "tell " + ", ".join(f"{fact.name} {fact.cause}" for fact in self.facts)


@dataclass(frozen=True)
class Acknowledge:
    """Tell the driver that its last report is safe in status, so that it may exit."""

    sequence: int

    def __str__(self) -> str:
        return f"acknowledge report {self.sequence}"


Action = Create | CreateTokens | DeletePod | DeleteExperiment | PushBudget | PushFacts | Acknowledge


def touches_objects(action: Action) -> bool:
    """Tell whether an action creates or deletes something; what is said to a driver carries its own number."""
    return isinstance(action, Create | CreateTokens | DeletePod | DeleteExperiment)
