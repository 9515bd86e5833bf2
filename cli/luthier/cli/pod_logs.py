"""Reading the logs of an experiment's pods, and one trial's lines in all of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import urllib3.exceptions
from kubernetes import client

from luthier.api import keys
from luthier.api.logs import said_by
from luthier.api.text import printable
from luthier.cli.cluster import Experiments, connect
from luthier.cli.errors import Refusal
from luthier.cli.refusals import asking

REQUEST_SECONDS = (5, 20)


def print_logs(name: str, namespace: str | None, *, trial: str | None, follow: bool, tail: int | None) -> None:
    """Print the driver's log, or a trial's lines of all pods that are there.

    Raises:
        Refusal: no such experiment, no pods, or no right to read their logs.
    """
    experiments = connect(namespace)
    experiment = experiments.read(name)
    pods = pods_of(experiments, experiment["metadata"]["uid"])
    if trial is None:
        drivers = [pod for pod in pods if pod.metadata.labels.get(keys.LABEL_ROLE) == keys.ROLE_DRIVER]
        if not drivers:
            raise _nothing(name)
        _print(lines_of(experiments, drivers[-1].metadata.name, follow=follow, tail=tail))
        return
    if not pods:
        raise _nothing(name)
    if follow:
        _follow(experiments, [pod.metadata.name for pod in pods], trial, tail)
        return
    said = [
        line
        for pod in pods
        for line in lines_of(experiments, pod.metadata.name, follow=False, tail=None)
        if said_by(trial, line) is not None
    ]
    if not said:
        raise Refusal(
            f"Trial {trial} has printed nothing in the pods that are there.",
            hint=f"Pods of workers that are gone took their logs along; its error: luthier trials {name}",
        )
    _print(str(said_by(trial, line)) for line in (said[-tail:] if tail else said))


def pods_of(experiments: Experiments, uid: str) -> list[Any]:
    """Return an experiment's pods, the oldest first."""
    with asking("list the experiment's pods", "list pods"):
        found = experiments.core.list_namespaced_pod(
            experiments.namespace, label_selector=f"{keys.LABEL_UID}={uid}", _request_timeout=REQUEST_SECONDS
        )
    return sorted(found.items, key=lambda pod: (pod.metadata.creation_timestamp, pod.metadata.name))


def lines_of(experiments: Experiments, pod: str, *, follow: bool, tail: int | None) -> Iterator[str]:
    """Yield lines of a pod's log, without their ends; with `follow` until the pod ends."""
    with asking(f"show the log of pod {pod}", "get pods/log"):
        answer = experiments.core.read_namespaced_pod_log(
            pod,
            experiments.namespace,
            container=keys.CONTAINER,
            follow=follow,
            _preload_content=False,
            _request_timeout=None if follow else (5, 60),
            **({} if tail is None else {"tail_lines": tail}),
        )
        rest = b""
        for chunk in answer.stream(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")


def _follow(experiments: Experiments, pods: list[str], trial: str, tail: int | None) -> None:
    """Print a trial's lines of several pods as they come, until all have ended."""

    def one(pod: str) -> None:
        own = Experiments(client.ApiClient(experiments.client.configuration), experiments.namespace)
        with suppress(Refusal, urllib3.exceptions.HTTPError, OSError):  # a pod that goes takes its log along
            found = (said_by(trial, line) for line in lines_of(own, pod, follow=True, tail=tail))
            _print(line for line in found if line is not None)

    threads = [threading.Thread(target=one, args=(pod,), daemon=True) for pod in pods]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)  # in steps, so that Ctrl-C is heard


def _print(lines: Iterable[str]) -> None:
    is_seen = sys.stdout.isatty()  # a file gets what was written
    for line in lines:
        sys.stdout.write(f"{printable(line) if is_seen else line}\n")
        sys.stdout.flush()


def _nothing(name: str) -> Refusal:
    return Refusal(f"{name} has no pods, so there are no logs.", hint=f"See why: luthier explain {name}")
