"""What only Kubernetes knows of a pod's end, as one of the classes of failure. Pure, and all about pods, not trials.

Ray and the driver see that a process is gone, never why.
"""

from __future__ import annotations

from luthier.api import keys
from luthier.api.failures import Cause
from luthier.api.wire import WorkerFact
from luthier.operator.observation import Exit, Observation, Pod, PodState

MESSAGE_CHARACTERS = 1024
EVICTIONS = ("Evicted", "Preempting", "Preempted", "NodeShutdown", "Shutdown", "Terminated")
"""Reasons that kubelet gives a failed pod which did nothing wrong."""
ADMISSION = ("OutOf", "UnexpectedAdmissionError", "NodeAffinity", "NodeName", "NodePorts", "TopologyAffinity", "PodOS")
"""How the reasons begin with which kubelet turns a pod away that the scheduler had sent."""
GARBAGE_COLLECTED = "DeletionByPodGC"
TAINTED = "DeletionByTaintManager"

Why = tuple[Cause, str]


def worker_facts(seen: Observation) -> tuple[WorkerFact, ...]:
    """Return what the driver should know of its workers: those that end, ended, or do not come up."""
    facts = [_fact(pod) for pod in seen.workers if pod.attempt == seen.attempt]
    return (*(fact for fact in facts if fact is not None), *_refused(seen))


def why_it_ends(pod: Pod) -> Why | None:
    """Return why a pod ends or ended though nobody here asked it to; None where it does not."""
    ended = pod.exit
    if ended is not None and ended.reason == "OOMKilled":
        return Cause.OUT_OF_MEMORY, f"pod {pod.name} was killed at its memory limit{_code(ended)}"
    if pod.disruption is not None:
        is_lost = pod.disruption.reason == GARBAGE_COLLECTED or (pod.disruption.reason == TAINTED and pod.is_cut_off)
        cause = Cause.NODE_LOST if is_lost else Cause.EVICTED
        return cause, f"pod {pod.name}: {pod.disruption.reason}: {pod.disruption.message}"
    if ended is not None and ended.reason in EVICTIONS:
        return Cause.EVICTED, f"pod {pod.name}: {ended.reason}: {ended.message}"
    if pod.state is PodState.UNSEEN or pod.is_cut_off:
        return Cause.NODE_LOST, f"the node of pod {pod.name} does not answer"
    if ended is not None and ended.reason.startswith(ADMISSION):
        return Cause.REFUSED, f"pod {pod.name} was turned away by its node: {ended.reason}: {ended.message}"
    if pod.state is PodState.LEAVING:
        return Cause.EVICTED, f"pod {pod.name} was deleted"
    if ended is not None:
        return Cause.WORKER_LOST, f"pod {pod.name} ended{_code(ended)}{_reason(ended)}"
    return None


def _fact(pod: Pod) -> WorkerFact | None:
    if pod.is_dismissed:
        return None
    why = why_it_ends(pod)
    if why is None and pod.trouble is not None and pod.trouble.reason == "ImagePull":
        why = Cause.IMAGE_PULL, pod.trouble.message
    if why is None:
        return None
    cause, message = why
    return WorkerFact(
        name=pod.name,
        ip=pod.ip,
        cause=cause,
        message=message[:MESSAGE_CHARACTERS],
        is_leaving=pod.state is PodState.LEAVING and pod.exit is None,
    )


def _refused(seen: Observation) -> list[WorkerFact]:
    return [
        WorkerFact(name=refusal.name, cause=Cause.REFUSED, message=refusal.message[:MESSAGE_CHARACTERS])
        for refusal in seen.refusals
        if f"-{keys.ROLE_WORKER}-" in refusal.name
    ]


def _code(ended: Exit) -> str:
    return f" with exit code {ended.code}" if ended.code >= 0 else ""


def _reason(ended: Exit) -> str:
    return f" ({ended.reason})" if ended.reason else ""
