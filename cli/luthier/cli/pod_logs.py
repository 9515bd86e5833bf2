"""Reading the logs of an experiment's pods, and one trial's lines in all of them."""

from __future__ import annotations

import heapq
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kubernetes import client

from luthier.api import keys
from luthier.api.text import printable
from luthier.cli.cluster import Experiments, connect
from luthier.cli.errors import Refusal
from luthier.cli.log_following import Follower, Sight
from luthier.cli.log_lines import LogLine, Moment, said, stamped
from luthier.cli.refusals import asking, has_no_log, may_pass
from luthier.cli.snapshot import of_object

REQUEST_SECONDS = (5, 20)
SILENCE_SECONDS = 300
"""After which a log that is followed is asked for anew: its node may be lost."""
LIVING = ("Pending", "Running", "Unknown")

Write = Callable[[LogLine], str]


def print_logs(
    name: str, namespace: str | None, *, trial: str | None, follow: bool, tail: int | None, write: Write
) -> None:
    """Print the driver's log, or a trial's lines of all pods that are there; with `follow` those of later pods, too.

    Raises:
        Refusal: no such experiment, no pods, or no right to read their logs.
    """
    experiments = connect(namespace)
    experiment = experiments.read(name)
    pods = _chosen(pods_of(experiments, experiment["metadata"]["uid"]), trial)
    if not pods and (not follow or of_object(experiment).has_ended):
        raise Refusal(f"{name} has no pods, so there are no logs.", hint=f"See why: luthier explain {name}")
    if not follow:
        _print(_history(experiments, name, pods, trial, tail), write)
        return
    if not pods:
        sys.stderr.write("No pod is there yet; what they print comes here when they are. Ctrl-C leaves.\n")
    last: dict[str, Moment] = {}
    if tail is not None:
        _print(_last_lines(experiments, pods, trial, tail, last), write)
    follower = Follower(_looking(experiments, experiment, trial), _reading(experiments), last)
    _print(said(follower.lines(), trial), write)


def pods_of(experiments: Experiments, uid: str) -> list[Any]:
    """Return an experiment's pods, the oldest first."""
    with asking("list the experiment's pods", "list pods"):
        found = experiments.core.list_namespaced_pod(
            experiments.namespace, label_selector=f"{keys.LABEL_UID}={uid}", _request_timeout=REQUEST_SECONDS
        )
    return sorted(found.items, key=lambda pod: (pod.metadata.creation_timestamp, pod.metadata.name))


def lines_of(experiments: Experiments, pod: str, *, follow: bool = False, tail: int | None = None) -> Iterator[LogLine]:
    """Yield lines of a pod's log; with `follow` until the pod ends."""
    with asking(f"show the log of pod {pod}", "get pods/log"):
        answer = experiments.core.read_namespaced_pod_log(
            pod,
            experiments.namespace,
            container=keys.CONTAINER,
            follow=follow,
            timestamps=True,
            _preload_content=False,
            _request_timeout=(5, SILENCE_SECONDS if follow else 60),
            **({} if tail is None else {"tail_lines": tail}),
        )
        rest = b""
        for chunk in answer.stream(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (stamped(pod, line.decode(errors="replace")) for line in lines)
        if rest:
            yield stamped(pod, rest.decode(errors="replace"))


def as_text(line: LogLine) -> str:
    """Return a line as it was printed, for a terminal without what would steer that."""
    return printable(line.text) if sys.stdout.isatty() else line.text


def _chosen(pods: list[Any], trial: str | None) -> list[Any]:
    """Return the newest driver, or where a trial is asked for whatever may have run it."""
    if trial is not None:
        return pods
    return [pod for pod in pods if pod.metadata.labels.get(keys.LABEL_ROLE) == keys.ROLE_DRIVER][-1:]


def _history(
    experiments: Experiments, name: str, pods: list[Any], trial: str | None, tail: int | None
) -> Iterable[LogLine]:
    """Return what was said so far.

    Raises:
        Refusal: nothing was.
    """
    if trial is None:
        return lines_of(experiments, pods[0].metadata.name, tail=tail)
    found = _last_lines(experiments, pods, trial, tail)
    if not found:
        raise Refusal(
            f"Trial {trial} has printed nothing in the pods that are there.",
            hint=f"Pods of workers that are gone took their logs along; its error: luthier trials {name}",
        )
    return found


def _last_lines(
    experiments: Experiments,
    pods: list[Any],
    trial: str | None,
    tail: int | None,
    last: dict[str, Moment] | None = None,
) -> Iterable[LogLine]:
    """Return the last lines of all pods in the order of time; keep in `last` how far each was read."""

    def noted(line: LogLine) -> LogLine:
        if last is not None:
            last[line.pod] = max(line.moment, last.get(line.pod, line.moment))
        return line

    begun = [pod.metadata.name for pod in pods if pod.status.phase != "Pending"]
    merged = heapq.merge(*(_lines_if_any(experiments, pod) for pod in begun), key=lambda line: line.moment)
    return deque(said(map(noted, merged), trial), maxlen=tail)


def _lines_if_any(experiments: Experiments, pod: str) -> Iterator[LogLine]:
    """Yield lines of a pod's log; none where it has none: it has just gone, or its container has not begun."""
    try:
        yield from lines_of(experiments, pod)
    except Refusal as refusal:
        if not has_no_log(refusal):
            raise


def _looking(experiments: Experiments, experiment: dict[str, Any], trial: str | None) -> Callable[[], Sight]:
    name, uid = experiment["metadata"]["name"], experiment["metadata"]["uid"]
    seen = [Sight()]

    def look() -> Sight:
        try:
            now = experiments.read(name)
            pods = _chosen(pods_of(experiments, uid), trial)
        except Refusal as refusal:
            if not may_pass(refusal):
                raise
            return seen[-1]  # what is followed goes on, as far as it can
        is_over = now["metadata"]["uid"] != uid or of_object(now).has_ended
        seen[:] = [sight_of(pods, is_over=is_over)]
        return seen[-1]

    return look


def sight_of(pods: Iterable[Any], *, is_over: bool) -> Sight:
    """Return what there is to follow; nobody waits for pods that are to go when it is over: a lost node keeps them."""
    there = {pod.metadata.name: pod for pod in pods}
    living = (
        name
        for name, pod in there.items()
        if pod.status.phase in LIVING and not (is_over and pod.metadata.deletion_timestamp)
    )
    return Sight(frozenset(there), frozenset(living), is_over)


def _reading(experiments: Experiments) -> Callable[[str], Iterator[LogLine]]:
    def read(pod: str) -> Iterator[LogLine]:
        own = Experiments(client.ApiClient(experiments.client.configuration), experiments.namespace)
        return lines_of(own, pod, follow=True)

    return read


def _print(lines: Iterable[LogLine], write: Write) -> None:
    for line in lines:
        sys.stdout.write(f"{write(line)}\n")
        sys.stdout.flush()
