"""Status at most 16 KiB, whatever trials are called and say: what is least missed is shortened first.

etcd and every watch of the experiment pay for each byte at each write; the ledger has all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from luthier.api.status import Status, TrialResult

MAX_STATUS_BYTES = 16 * 1024
SHORT_CHARACTERS = 256
"""What is left of a long message."""

T = TypeVar("T")
Step = Callable[[Status], Status]


def fitted(status: Status) -> Status:
    """Return the status, with as much taken out, step by step, as it is too large."""
    for shortened in STEPS:
        while size(status) > MAX_STATUS_BYTES:
            less = shortened(status)
            if less == status:
                break
            status = less
    return status


def size(status: Status) -> int:
    """Return the bytes of a status as the API server stores it."""
    return len(json.dumps(status.to_json(), ensure_ascii=False, separators=(",", ":")).encode())


def _fewer_copies(status: Status) -> Status:
    if status.population is None:
        return status
    lineage = status.population.lineage
    fewer = status.population.model_copy(update={"lineage": lineage[(len(lineage) + 1) // 2 :]})
    return status.model_copy(update={"population": fewer})


def _fewer_front_points(status: Status) -> Status:
    return status.model_copy(update={"pareto_front": _first_half(status.pareto_front)})


def _fewer_top_trials(status: Status) -> Status:
    return status.model_copy(update={"top": _first_half(status.top)})


def _only_the_last_failure(status: Status) -> Status:
    return status.model_copy(update={"failures": status.failures[-1:]})


def _short_messages(status: Status) -> Status:
    conditions = [c.model_copy(update={"message": c.message[:SHORT_CHARACTERS]}) for c in status.conditions]
    failures = [f.model_copy(update={"message": f.message[-SHORT_CHARACTERS:]}) for f in status.failures]
    return status.model_copy(update={"conditions": conditions, "failures": failures})


def _no_failure(status: Status) -> Status:
    return status.model_copy(update={"failures": [], "failure_counts": {}, "activity": None})


def _fewer_metrics(status: Status) -> Status:
    return _with_best(status, lambda best: {"metrics": dict(list(best.metrics.items())[:1])})


def _no_parameters(status: Status) -> Status:
    """Some of them would be taken for all."""
    return _with_best(status, lambda _: {"parameters": {}})


STEPS: tuple[Step, ...] = (
    _fewer_copies,
    _fewer_front_points,
    _fewer_top_trials,
    _only_the_last_failure,
    _short_messages,
    _no_failure,
    _fewer_metrics,
    _no_parameters,
)


def _first_half(items: list[T]) -> list[T]:
    return items[: len(items) // 2]


def _with_best(status: Status, change: Callable[[TrialResult], dict[str, object]]) -> Status:
    best = status.best and status.best.model_copy(update=change(status.best))
    return status.model_copy(update={"best": best})
