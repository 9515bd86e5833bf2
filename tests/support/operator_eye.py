"""An observer of one namespace: it watches past every proxy, and writes down what must never be."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections import Counter
from typing import Any

from luthier.api import keys
from support.operator_world import CORE, EXPERIMENTS, Rest

Json = dict[str, Any]
ENDED = ("Succeeded", "Failed")


class Eye:
    """What is in the namespace now, and what was wrong at any time; `with Eye(rest, namespace) as eye`."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        self.pods: dict[str, Json] = {}
        """By uid."""
        self.experiment: Json = {}
        self.births: Counter[str] = Counter()
        """How often a pod of each name was created."""
        self.faults: list[str] = []
        self.changed = threading.Condition()
        self._rest = rest
        self._paths = {
            f"{CORE}/{namespace}/pods": self._saw_pod,
            f"{EXPERIMENTS}/{namespace}/{keys.PLURAL}": self._saw_experiment,
        }
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Eye:
        for path, saw in self._paths.items():
            version = self._rest("GET", path)["metadata"]["resourceVersion"]
            connection = self._rest.connect()
            self._connections.append(connection)
            connection.request("GET", f"{path}?watch=true&resourceVersion={version}")
            threading.Thread(target=self._watch, args=(connection.getresponse(), saw), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.sock.shutdown(socket.SHUT_RDWR)  # a reader holds what `close` would wait for

    @property
    def status(self) -> Json:
        return dict(self.experiment.get("status") or {})

    def living(self) -> list[Json]:
        """Return the pods that run or will."""
        return [
            pod
            for pod in list(self.pods.values())
            if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ENDED
        ]

    def _watch(self, answer: http.client.HTTPResponse, saw: Any) -> None:
        try:
            while line := answer.readline():
                event = json.loads(line)
                with self.changed:
                    saw(event["type"], event["object"])
                    self.changed.notify_all()
        except (OSError, ValueError, AttributeError):
            return  # closed

    def _saw_pod(self, kind: str, pod: Json) -> None:
        if kind == "DELETED":
            self.pods.pop(pod["metadata"]["uid"], None)
            return
        self.births[pod["metadata"]["name"]] += kind == "ADDED"
        self.pods[pod["metadata"]["uid"]] = pod
        places = Counter(_place(pod["metadata"]["name"]) for pod in self.living())
        self.faults += [f"{count} pods at once as {place}" for place, count in places.items() if count > 1]

    def _saw_experiment(self, _kind: str, experiment: Json) -> None:
        before, now = self.status, experiment.get("status") or {}
        for what in ("startTime", "completionTime", "bestValue"):
            if what in before and before[what] != now.get(what):
                self.faults.append(f"{what} was {before[what]} and is {now.get(what)}")
        if _done(now) < _done(before):
            self.faults.append(f"{before['done']} became {now.get('done')}")
        self.experiment = experiment


def _place(name: str) -> str:
    """Return what a pod is there for, whichever attempt it belongs to: `driver` or `worker 0`."""
    parts = name.split("-")
    return "driver" if parts[-2] == "driver" else f"worker {parts[-1]}"


def _done(status: Json) -> int:
    return int(status.get("done", "0/0").split("/")[0])
