"""A whole life on a real API server, told step by step: run, suspend, resume, a larger budget, the end, the farewell.

The operator reaches the API server through a proxy with faults; kubelet and driver are played here. However the
operator is disturbed, the end has to be the same.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.api.wire import Phase, Report, encode_termination
from support.operator_builders import a_best, an_outcome
from support.operator_eye import Eye
from support.operator_fake_driver import FakeDriver
from support.operator_fixtures import report_of
from support.operator_proxy import Proxy, Request, Script
from support.operator_world import Operator, Rest, World, make_namespace

Json = dict[str, Any]
NAME = "quad"
STEP_SECONDS = 180
CHILDREN = ("pods", "secrets", "services", "persistentvolumeclaims")
MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
OF_THE_SERVER = ("resourceVersion", "creationTimestamp", "managedFields", "selfLink")


@dataclass(frozen=True)
class End:
    """How a life ended, and what it took."""

    state: Json
    """Everything that is there at the end, without names, moments and versions that differ from life to life."""
    births: dict[str, int]
    faults: list[str]
    """What the observer saw that must never be."""
    requests: list[Request]
    deaths: int
    seconds: float
    log: str


class Life:
    """One experiment's, in a namespace of its own."""

    def __init__(self, rest: Rest, kubeconfig: Path, directory: Path, namespace: str, script: Script) -> None:
        self.world = World(rest, namespace, NAME)
        self.deaths = 0
        self._proxy = Proxy(kubeconfig, script)
        self._kubeconfig = self._proxy.write_kubeconfig(directory / f"{namespace}.kubeconfig")
        self._log = directory / f"{namespace}.log"
        self._eye = Eye(rest, namespace)
        self._driver = FakeDriver()
        self._operator = Operator(self._kubeconfig, self._log, namespace, progress_port=self._driver.port)
        self._proxy.on_death = self._die

    def live(self) -> End:
        """Go through all of it."""
        begin = time.monotonic()
        make_namespace(self.world.rest, self.world.namespace)
        with self._proxy, self._eye, self._driver:
            try:
                self._operator.start()
                self._go_through()
                return End(
                    self._state(),
                    {self._anonymous(name): count for name, count in self._eye.births.items()},
                    self._eye.faults,
                    self._proxy.requests,
                    self.deaths,
                    time.monotonic() - begin,
                    self._operator.log(),
                )
            finally:
                self._operator.kill()

    def _go_through(self) -> None:
        world = self.world
        world.apply()
        self._until(lambda: len(self._eye.living()) == 3, "driver and workers")
        self._driver.token = world.token()
        self._publish(done=3, sequence=1)
        self._until(lambda: self._says(done="3/8", state="Running"), "progress")
        world.edit({"suspend": True})
        self._until(lambda: self._says(state="Suspended") and not self._eye.pods, "the suspension")
        self._publish(attempt=2, done=5, sequence=1)
        world.edit({"suspend": False})
        self._until(lambda: self._says(done="5/8", state="Running", attempt=2), "progress after the suspension")
        world.edit({"budget": {"trials": 12, "parallelTrials": 3}})
        self._until(lambda: self._driver.budgets and len(self._eye.living()) == 4, "the new budget, a third worker")
        self._publish(attempt=2, done=6, sequence=2)
        self._until(lambda: self._says(done="6/8", workers={"desired": 3, "ready": 3}), "progress with it")
        last = self._publish(
            attempt=2, phase=Phase.FINISHED, done=8, running=0, best=a_best(), outcome=an_outcome(), sequence=3
        )
        self._until(self._driver.was_acknowledged.is_set, "the farewell")
        world.end_pod("-driver-2", 0, encode_termination(last).decode())
        self._until(self._is_settled, "the end")

    def _publish(self, **facts: Any) -> Report:
        report = report_of(self.world, **facts)
        self._driver.publish(report)
        return report

    def _is_settled(self) -> bool:
        status = self._eye.status
        workers = status.get("workers") == {"desired": 0, "ready": 0}
        return self._says(state="Succeeded") and workers and len(self._eye.pods) == 1

    def _says(self, **facts: Any) -> bool:
        status = self._eye.status
        return all(status.get(name) == value for name, value in facts.items())

    def _until(self, is_so: Callable[[], object], what: str) -> None:
        """Be kubelet and the operator's caretaker until something is so."""
        deadline = time.monotonic() + STEP_SECONDS
        while not is_so():
            self._operator.revive()
            for pod in self._eye.living():
                if pod["status"].get("phase") == "Pending":
                    self._run(pod)
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {STEP_SECONDS} s: {what}; status: {self._eye.status}")
            with self._eye.changed:
                self._eye.changed.wait(0.2)

    def _run(self, pod: Json) -> None:
        try:
            self.world.run_pod(pod["metadata"]["name"])
        except AssertionError:
            return  # it was deleted in this moment

    def _die(self) -> None:
        self.deaths += 1
        self._operator.die()

    def _state(self) -> Json:
        objects = {collection: self.world.children(collection) for collection in CHILDREN}
        for secret in objects["secrets"]:
            secret["data"] = sorted(secret["data"])
        whole = {"experiment": self.world.experiment(), **objects}
        state: Json = json.loads(self._anonymous(json.dumps(whole)), object_hook=_without_the_servers)
        return state

    def _anonymous(self, text: str) -> str:
        uid = self._eye.experiment["metadata"]["uid"]
        for own in (uid, uid[:8], uid[:5], self.world.namespace):
            text = text.replace(own, "#")
        return MOMENTS.sub("then", text)


def _without_the_servers(node: Json) -> Json:
    """Drop what the API server gives, but keep an owner's uid."""
    mine = {name: value for name, value in node.items() if name not in OF_THE_SERVER}
    return {name: value for name, value in mine.items() if name != "uid" or value == "#"}
