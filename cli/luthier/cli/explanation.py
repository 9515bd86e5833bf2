"""Why an experiment is where it is, gathered into one value: conditions, pods, failures, events, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from luthier.api.status import FailedTrial
from luthier.cli.advice import advice_on
from luthier.cli.snapshot import Snapshot

Json = dict[str, Any]

EVENTS_SHOWN = 12


@dataclass(frozen=True)
class Happening:
    """An event, as people read it."""

    time: datetime | None
    what: str
    """Whom it is about, where that is not the experiment itself; and the reason."""
    message: str
    is_warning: bool
    count: int = 1


@dataclass(frozen=True)
class Explanation:
    """One page's worth."""

    snapshot: Snapshot
    next_steps: tuple[str, ...]
    stuck_pods: tuple[str, ...] = ()
    """Pods that should run and do not, each with its reason."""
    happenings: tuple[Happening, ...] = ()
    """The last ones, newest last."""

    @property
    def failures(self) -> tuple[FailedTrial, ...]:
        """The last failed trials."""
        return self.snapshot.failures

    def to_json(self) -> Json:
        """Return it for other programs."""
        snapshot = self.snapshot
        return {
            "name": snapshot.name,
            "state": snapshot.state,
            "reason": snapshot.reason,
            "message": snapshot.message,
            "next": list(self.next_steps),
            "pods": list(self.stuck_pods),
            "failures": [failure.to_json() for failure in self.failures],
            "failureCounts": dict(snapshot.failure_counts),
            "events": [
                {
                    "time": each.time.isoformat() if each.time else None,
                    "what": each.what,
                    "message": each.message,
                    "warning": each.is_warning,
                    "count": each.count,
                }
                for each in self.happenings
            ],
        }


def explain_snapshot(
    snapshot: Snapshot, target: str, pods: Sequence[Json] = (), events: Sequence[Json] = (), *, has_log: bool = False
) -> Explanation:
    """Return the explanation of a snapshot, with what the cluster says of its pods, and of it and them in events.

    `target` is what commands call it: a name, maybe with a namespace, or a folder.
    """
    happened = sorted((happening_of(event, snapshot.name) for event in events), key=_when)
    return Explanation(
        snapshot,
        tuple(_next_steps(snapshot, target, has_log=has_log)),
        tuple(filter(None, map(why_stuck, pods))),
        tuple(happened[-EVENTS_SHOWN:]),
    )


def why_stuck(pod: Json) -> str:
    """Return why a pod does not run; empty where it does, or has ended well."""
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    for each in status.get("containerStatuses") or []:
        for kind, state in (each.get("state") or {}).items():
            if not state or kind == "running" or (kind == "terminated" and state.get("exitCode") == 0):
                continue
            said = ": ".join(filter(None, [state.get("reason"), _first_line(state.get("message"))]))
            code = f" (exit code {state['exitCode']})" if kind == "terminated" else ""
            return f"{name}: {said or kind}{code}"
    unmet = [each for each in status.get("conditions") or [] if each["status"] == "False" and each.get("message")]
    if status.get("phase") == "Pending" and unmet:
        return f"{name}: {unmet[0].get('reason', 'Pending')}: {unmet[0]['message']}"
    if status.get("phase") == "Failed":
        return f"{name}: {status.get('reason', 'Failed')}: {_first_line(status.get('message'))}"
    return ""


def happening_of(event: Json, experiment: str) -> Happening:
    """Return an event of the core API."""
    about = (event.get("involvedObject") or {}).get("name", "")
    who = "" if about == experiment else f"{about} "
    time = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return Happening(
        datetime.fromisoformat(time) if time else None,
        f"{who}{event.get('reason', '')}",
        (event.get("message") or "").strip(),
        event.get("type") == "Warning",
        event.get("count") or 1,
    )


def _when(happening: Happening) -> float:
    return happening.time.timestamp() if happening.time else 0.0


def _next_steps(snapshot: Snapshot, target: str, *, has_log: bool) -> list[str]:
    steps = [advice_on(snapshot.reason, target)]
    if snapshot.state == "Succeeded":
        steps.append(f"The winner: luthier best {target}")
    if snapshot.failures and not snapshot.has_succeeded:
        steps.append(f"All failures: luthier trials {target} --state failed")
    if snapshot.state in ("Stalled", "Failed") and has_log:
        steps.append(f"The driver's log: luthier logs {target}")
    if snapshot.state in ("Running", "Pending"):
        steps.append(f"Follow it: luthier watch {target}")
    return list(dict.fromkeys(filter(None, steps)))


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0][:300]
