"""A namespace on a real API server with a real operator process, and hands that do a kubelet's work."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from luthier.api import keys
from support.ports import a_free_port

Json = dict[str, Any]
T = TypeVar("T")
CORE = "/api/v1/namespaces"
EXPERIMENTS = f"/apis/{keys.GROUP}/{keys.VERSION}/namespaces"


def until(look: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {seen!r}")
        time.sleep(0.05)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class RestError(AssertionError):
    """The server's answer was no success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Rest:
    """The REST API with plain dictionaries, as the kubeconfig's own user or in the name of another."""

    def __init__(self, kubeconfig: Path, user: str = "") -> None:
        self._as_user = {"Impersonate-User": user} if user else {}
        config = YAML(typ="safe", pure=True).load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = cluster["server"]
        self.authority = _material(cluster, "certificate-authority")
        self._tls = ssl.create_default_context(cadata=self.authority.decode())
        with tempfile.NamedTemporaryFile() as certificate, tempfile.NamedTemporaryFile() as key:
            Path(certificate.name).write_bytes(_material(user, "client-certificate"))
            Path(key.name).write_bytes(_material(user, "client-key"))
            self._tls.load_cert_chain(certificate.name, key.name)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls)
        )

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection for a watch."""
        url = urlsplit(self.server)
        return http.client.HTTPSConnection(str(url.hostname), url.port, context=self._tls)

    def __call__(self, verb: str, path: str, body: Json | None = None) -> Json:
        kind = "application/merge-patch+json" if verb == "PATCH" else "application/json"
        request = urllib.request.Request(
            self.server + path,
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": kind, **self._as_user},
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise RestError(error.code, error.read().decode()) from None

    def find(self, path: str) -> Json | None:
        """Return an object, or None where there is none."""
        try:
            return self("GET", path)
        except RestError as error:
            if error.code == 404:
                return None
            raise


def make_namespace(rest: Rest, name: str, **labels: str) -> None:
    """Make a namespace that takes pods."""
    rest("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    until(lambda: rest.find(f"{CORE}/{name}/serviceaccounts/default"), "the default service account")


class World:
    """One experiment and its children, seen and changed by a test."""

    def __init__(self, rest: Rest, namespace: str, name: str) -> None:
        self.rest = rest
        self.namespace = namespace
        self.name = name

    # what a user does

    def apply(self, **spec: Any) -> Json:
        manifest = {
            "apiVersion": keys.API_VERSION,
            "kind": keys.KIND,
            "metadata": {"name": self.name},
            "spec": {
                "objectives": [{"metric": "accuracy", "direction": "Maximize"}],
                "parameters": [{"name": "x", "type": "Double", "min": 0, "max": 1}],
                "budget": {"trials": 8, "parallelTrials": 2},
                "trial": {"function": "quad:train"},
                **spec,
            },
        }
        return self.rest("POST", f"{EXPERIMENTS}/{self.namespace}/{keys.PLURAL}", manifest)

    def edit(self, patch: Json) -> Json:
        return self.rest("PATCH", self._experiment, {"spec": patch})

    def delete(self) -> None:
        self.rest("DELETE", self._experiment)

    def make(self, collection: str, body: Json) -> Json:
        return self.rest("POST", f"{CORE}/{self.namespace}/{collection}", body)

    # what is to be seen

    def experiment(self) -> Json | None:
        return self.rest.find(self._experiment)

    def status(self) -> Json:
        return (self.experiment() or {}).get("status") or {}

    def condition(self, type_: str) -> Json:
        return next((c for c in self.status().get("conditions", []) if c["type"] == type_), {})

    def children(self, collection: str) -> list[Json]:
        selector = f"{keys.LABEL_EXPERIMENT}={self.name}"
        return list(self.rest("GET", f"{CORE}/{self.namespace}/{collection}?labelSelector={selector}")["items"])

    def names(self, collection: str) -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.children(collection))

    def pod(self, suffix: str) -> Json | None:
        return next((pod for pod in self.children("pods") if pod["metadata"]["name"].endswith(suffix)), None)

    def events(self) -> list[str]:
        listed = self.rest("GET", f"{CORE}/{self.namespace}/events?fieldSelector=involvedObject.name={self.name}")
        return [event["reason"] for event in listed["items"]]

    def token(self) -> str:
        (name,) = self.names("secrets")
        secret = self.rest("GET", f"{CORE}/{self.namespace}/secrets/{name}")
        return base64.b64decode(secret["data"][keys.PROGRESS_TOKEN_KEY]).decode()

    # what a kubelet or a scheduler does

    def run_pod(self, suffix: str, ip: str = "127.0.0.1") -> Json:
        return self.run(until(lambda: self.pod(suffix), f"pod {suffix}"), ip)

    def run(self, pod: Json, ip: str = "127.0.0.1") -> Json:
        return self.patch_pod(
            pod,
            phase="Running",
            podIP=ip,
            podIPs=[{"ip": ip}],
            conditions=[_pod_condition("PodScheduled", "True"), _pod_condition("Ready", "True")],
            containerStatuses=[_container({"running": {"startedAt": now()}})],
        )

    def end_pod(self, suffix: str, code: int, message: str = "", reason: str = "") -> Json:
        pod = until(lambda: self.pod(suffix), f"pod {suffix}")
        end = {
            "exitCode": code,
            "reason": reason or ("Error" if code else "Completed"),
            "message": message,
            "startedAt": now(),
            "finishedAt": now(),
        }
        return self.patch_pod(
            pod, phase="Failed" if code else "Succeeded", containerStatuses=[_container({"terminated": end})]
        )

    def hang_pod(self, suffix: str, reason: str, message: str) -> Json:
        pod = until(lambda: self.pod(suffix), f"pod {suffix}")
        waiting = _container({"waiting": {"reason": reason, "message": message}})
        return self.patch_pod(
            pod, phase="Pending", conditions=[_pod_condition("PodScheduled", "True")], containerStatuses=[waiting]
        )

    def refuse_to_schedule(self, suffix: str, message: str) -> Json:
        pod = until(lambda: self.pod(suffix), f"pod {suffix}")
        condition = _pod_condition("PodScheduled", "False") | {"reason": "Unschedulable", "message": message}
        return self.patch_pod(pod, phase="Pending", conditions=[condition])

    def patch_pod(self, pod: Json, **status: Any) -> Json:
        path = f"{CORE}/{self.namespace}/pods/{pod['metadata']['name']}/status"
        return self.rest("PATCH", path, {"status": status})

    @property
    def _experiment(self) -> str:
        return f"{EXPERIMENTS}/{self.namespace}/{keys.PLURAL}/{self.name}"


class Operator:
    """The operator as a process of its own; it can be killed and started again."""

    def __init__(
        self, kubeconfig: Path, log: Path, *namespaces: str, progress_port: int | None = None, **environment: str
    ) -> None:
        self.progress_port, self.metrics_port = progress_port or a_free_port(), a_free_port()
        self._log = log
        self.namespaces = namespaces
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "LUTHIER_NAMESPACES": ",".join(namespaces),
            "LUTHIER_PROGRESS_PORT": str(self.progress_port),
            "LUTHIER_DRIVER_CLIENTS": json.dumps([{"podSelector": {"matchLabels": {"app": "operator"}}}]),
            "LUTHIER_METRICS_PORT": str(self.metrics_port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "luthier.operator"], env=self._environment, stdout=log, stderr=log
            )
        until(self._is_ready, "the operator is ready", 120)

    def _is_ready(self) -> bool:
        code = self.exit_code()
        assert code is None, f"the operator ended with {code}: {self._log.read_text()[-2000:]}"
        return self.page("readyz")[0] == 200

    def kill(self) -> None:
        """End it between any two lines."""
        self._end(lambda process: process.kill())

    def die(self) -> None:
        """End it at once, waiting for nothing."""
        if self._process is not None:
            self._process.kill()

    def revive(self) -> None:
        """Start it again if it has died."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self.start()

    def stop(self) -> int:
        return self._end(lambda process: process.terminate())

    def terminate(self) -> None:
        """Tell it to end."""
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it between any two instructions, as a suspended node would."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it lives."""
        return self._process.poll() if self._process is not None else None

    def leads(self) -> bool:
        return self.metric("luthier_operator_leader") == 1

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def page(self, name: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/{name}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, series: str) -> float | None:
        """Return the value of one series, spelled as the page spells it."""
        lines = self.page("metrics")[1].splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[0] == series), None)

    def rounds(self) -> float:
        return self.metric("luthier_reconcile_duration_seconds_count") or 0

    def log(self) -> str:
        return self._log.read_text()

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> int:
        if self._process is None:
            return 0
        process = self._process
        how(process)
        code = process.wait(20)
        self._process = None
        return code


def _material(entry: Json, name: str) -> bytes:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return Path(entry[name]).read_bytes()


def _container(state: Json) -> Json:
    return {
        "name": keys.CONTAINER,
        "image": "trial",
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def _pod_condition(type_: str, status: str) -> Json:
    return {"type": type_, "status": status, "lastTransitionTime": now()}
