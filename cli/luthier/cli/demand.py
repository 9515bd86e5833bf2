"""What an experiment's pods and volume ask for, and whether a namespace's quotas and the nodes have it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.api.experiment import Spec

Json = dict[str, Any]

GPU = "nvidia.com/gpu"
DRIVER = {"cpu": 0.1, "memory": 512 * 2**20}
"""What a driver asks for whose trials run in workers."""
SUFFIXES = {
    "": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30,
    "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip
CHECKPOINTS_OF_A_TRIAL = 3
"""That a trial which may run again keeps, and while one more is saved."""
CHECKPOINTS_OF_THE_BEST = 5


@dataclass(frozen=True)
class Demand:
    """What an experiment asks for when it is in full swing."""

    worker: Mapping[str, float]
    """Requests of one worker pod by resource, in cores, bytes and pieces; empty where trials run in the driver pod."""
    workers: int
    driver: Mapping[str, float]
    selector: Mapping[str, str]
    """Labels that a worker's node must have."""
    volume_bytes: float
    """Of the claim that is made; 0 where one is named."""
    checkpoints: int
    """Complete checkpoints that are on the volume at the same time, at most."""

    def total(self, resource: str) -> float:
        """Return what all pods ask for together."""
        return self.driver.get(resource, 0.0) + self.workers * self.worker.get(resource, 0.0)


def demand_of(spec: Spec) -> Demand:
    """Return what a spec asks for."""
    in_driver = spec.worker_count == 0
    together = spec.budget.parallel_trials if in_driver else spec.workers.trials_per_worker
    pod = _pod(spec, together)
    template = ((spec.workers.template or {}).get("spec") or {}) if not in_driver else {}
    selector = template.get("nodeSelector")
    return Demand(
        worker={} if in_driver else pod,
        workers=spec.worker_count,
        driver=pod if in_driver else DRIVER,
        selector=selector if isinstance(selector, dict) else {},
        volume_bytes=0 if spec.storage.claim_name else quantity(spec.storage.size),
        checkpoints=_checkpoints(spec),
    )


def quantity(text: str) -> float:
    """Return a Kubernetes quantity as a number.

    Raises:
        ValueError: it is none.
    """
    number = text.rstrip("".join(set("".join(SUFFIXES))))
    return float(number) * SUFFIXES[text[len(number) :]] if text[len(number) :] in SUFFIXES else float(text)


def quota_faults(demand: Demand, quotas: Sequence[Json]) -> list[str]:
    """Return what the quotas of a namespace have not left, a sentence each."""
    needs = {
        "pods": 1 + demand.workers,
        "persistentvolumeclaims": 1 if demand.volume_bytes else 0,
        "requests.storage": demand.volume_bytes,
    }
    for name in ("cpu", "memory"):
        needs[name] = needs[f"requests.{name}"] = demand.total(name)
    needs[f"requests.{GPU}"] = demand.total(GPU)
    faults = []
    for quota in quotas:
        status = quota.get("status") or {}
        hard = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}
        used = status.get("used") or {}
        for name, limit in hard.items():
            left = quantity(str(limit)) - quantity(str(used.get(name, "0")))
            if needs.get(name, 0) > left:
                faults.append(
                    f"quota {quota['metadata']['name']}: {amount(name, needs[name])} of {name} are needed at most "
                    f"and {amount(name, max(0.0, left))} are left"
                )
    return faults


def room_on(nodes: Sequence[Json], pod: Mapping[str, float], selector: Mapping[str, str]) -> tuple[int, int]:
    """Return how many nodes could hold such a pod, and how many such pods fit on all of them, were they empty."""
    room = [_fits(node, pod) for node in nodes if _may(node, selector)]
    return sum(1 for each in room if each), sum(room)


def amount(name: str, value: float) -> str:
    """Return an amount of a resource as people write it."""
    if "memory" in name or "storage" in name:
        return size(value)
    return f"{value:g}"


def size(value: float) -> str:
    """Return bytes as people write them: `512Mi`, `1.5Gi`."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if value >= SUFFIXES[suffix]:
            return f"{value / SUFFIXES[suffix]:.4g}{suffix}"
    return f"{value:g}"


def _pod(spec: Spec, trials: int) -> dict[str, float]:
    each = spec.trial.resources
    pod = {"cpu": each.cpu * trials}
    if each.memory is not None:
        pod["memory"] = quantity(each.memory) * trials
    if each.gpu:
        pod[GPU] = float(math.ceil(round(each.gpu * trials, 6)))
    return pod


def _checkpoints(spec: Spec) -> int:
    budget, block = spec.budget, spec.scheduler
    waits = block is not None and (block.pbt or block.pb2 or block.hyperband) is not None
    going = budget.trials if waits else min(budget.trials, budget.parallel_trials)
    return going * CHECKPOINTS_OF_A_TRIAL + (budget.trials - going) + CHECKPOINTS_OF_THE_BEST


def _may(node: Json, selector: Mapping[str, str]) -> bool:
    labels = node["metadata"].get("labels") or {}
    is_open = not (node.get("spec") or {}).get("unschedulable")
    return is_open and all(labels.get(name) == value for name, value in selector.items())


def _fits(node: Json, pod: Mapping[str, float]) -> int:
    has = (node.get("status") or {}).get("allocatable") or {}
    parts = [quantity(str(has.get(name, "0"))) / need for name, need in pod.items() if need > 0]
    return int(min([*parts, quantity(str(has.get("pods", "110")))]))
