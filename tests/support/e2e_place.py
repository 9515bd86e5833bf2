"""One namespace of the cluster for one test: Pod Security is enforced, and nothing may stay behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from install import NAMESPACE, Installed
from luthier.api import keys
from support.e2e_ledger import LedgerBook
from support.e2e_manifests import code
from support.e2e_wait import until
from support.e2e_watch import Sights, watching
from target import ROOT, TRIAL, StepFailed

Json = dict[str, Any]
END_SECONDS = 150
"""An experiment of these tests has ended long before."""
GONE_SECONDS = 60
KINDS_LEFT = "pods,services,networkpolicies,secrets,persistentvolumeclaims,endpointslices"
"""What an experiment has made and has to take along."""
TAIL_LINES = 40


@dataclass(frozen=True)
class Place:
    """A namespace and what tests do in it."""

    cluster: Installed
    name: str

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in this namespace and return its output."""
        return self.cluster.kubectl("--namespace", self.name, *arguments)

    def apply(self, *objects: Json) -> None:
        """Apply manifests."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "objects.json"
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
            self.kubectl("apply", "--filename", str(file))

    def apply_example(self, example: str) -> None:
        """Apply an example as its first line says."""
        self.kubectl("apply", "--kustomize", str(ROOT / "examples" / example))

    def objects(self, kinds: str, *selectors: str) -> list[Json]:
        """Return objects of some kinds."""
        listed: list[Json] = json.loads(self.kubectl("get", kinds, "--output=json", *selectors))["items"]
        return listed

    def experiment(self, name: str) -> Json:
        """Return an experiment."""
        found: Json = json.loads(self.kubectl("get", keys.PLURAL, name, "--output=json"))
        return found

    def status(self, name: str) -> Json:
        """Return an experiment's status, empty where it has none yet."""
        found: Json = self.experiment(name).get("status", {})
        return found

    def patch(self, name: str, spec: Json) -> None:
        """Change fields of an experiment's spec."""
        self.kubectl("patch", keys.PLURAL, name, "--type=merge", "--patch", json.dumps({"spec": spec}))

    def delete(self, name: str) -> None:
        """Delete an experiment."""
        self.kubectl("delete", keys.PLURAL, name, "--wait=false")

    def delete_pod(self, pod: Json, *, by_force: bool) -> None:
        """Delete a pod; by force it is killed at once."""
        flags = ["--grace-period=0", "--force"] if by_force else []
        self.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false", *flags)

    def pods(self, role: str, *, attempt: int | None = None) -> list[Json]:
        """Return driver or worker pods, those on their way out too."""
        selector = f"{keys.LABEL_ROLE}={role}" + (f",{keys.LABEL_ATTEMPT}={attempt}" if attempt else "")
        return self.objects("pods", "--selector", selector)

    def watch(self, kinds: str) -> AbstractContextManager[Sights]:
        """Watch objects of a kind in this namespace."""
        return watching(self.cluster.tools / "kubectl", self.cluster.environment, kinds, "--namespace", self.name)

    def wait_for(self, name: str, condition: str, *, within: float = END_SECONDS) -> Json:
        """Wait as a user does, with `kubectl wait`, and return the status."""
        of = f"{keys.PLURAL}/{name}"
        self.kubectl("wait", of, f"--for=condition={condition}", f"--timeout={within:g}s")
        return self.status(name)

    def wait_for_iterations(self, name: str, iterations: int, *, within: float = END_SECONDS) -> LedgerBook:
        """Wait until every trial that runs has reported this often, and there is one; return the ledger."""

        def look() -> LedgerBook | None:
            drivers = (pod for pod in self.pods(keys.ROLE_DRIVER) if is_ready(pod))
            driver = next((pod for pod in drivers if pod["metadata"]["labels"][keys.LABEL_EXPERIMENT] == name), None)
            book = self._read_in(driver) if driver else None
            running = book.unfinished() if book else set()
            enough = [len(book.of("result", trial)) >= iterations for trial in running] if book else []
            return book if enough and all(enough) else None

        return until(f"{name} reported {iterations} iterations", look, within=within)

    def ledger(self, name: str) -> LedgerBook:
        """Return an experiment's ledger, whether its pods are there or not: a pod of our own reads the volume."""
        return LedgerBook([json.loads(line) for line in self.on_storage(name, "cat ledger.jsonl").splitlines()])

    def on_storage(self, name: str, command: str) -> str:
        """Return what a shell command says in an experiment's folder on its storage, in a pod of our own."""
        base = self.experiment(name)["metadata"]
        (claim,) = self.objects("persistentvolumeclaims", "--selector", f"{keys.LABEL_EXPERIMENT}={name}")
        folder = f"{keys.MOUNT_STORAGE}/{name}-{base['uid'][:8]}"
        reader = f"reader-{uuid4().hex[:6]}"
        image = self.cluster.target.reference(TRIAL)
        shell = ["sh", "-c", f"cd {folder} && {command}"]
        self.apply(a_restricted_pod(reader, image, shell, claim["metadata"]["name"]))
        self.kubectl("wait", f"pod/{reader}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        text = self.kubectl("logs", reader)
        self.kubectl("delete", "pod", reader, "--wait=false")
        return text

    def _read_in(self, driver: Json) -> LedgerBook | None:
        try:
            shell = f"cat {keys.MOUNT_STORAGE}/*/ledger.jsonl"
            text = self.kubectl("exec", driver["metadata"]["name"], "--", "sh", "-c", shell)
        except StepFailed:
            return None
        return LedgerBook([json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")])

    def leftovers(self) -> list[str]:
        """Return what there is in this namespace besides the user's own, and its volumes."""
        volumes = json.loads(self.cluster.kubectl("get", "persistentvolumes", "--output=json"))["items"]
        ours = [v for v in volumes if v["spec"].get("claimRef", {}).get("namespace") == self.name]
        found = [*self.objects(KINDS_LEFT), *ours]
        return [f"{each['kind']} {each['metadata']['name']}" for each in found]

    def check_that_deletion_leaves_nothing(self) -> None:
        """Delete all experiments and wait until everything that they made is gone."""
        self.kubectl("delete", keys.PLURAL, "--all", "--wait=false")
        self.check_that_nothing_is_left()

    def check_that_nothing_is_left(self) -> None:
        """Wait until nothing is left that an experiment made."""
        until(f"nothing is left in {self.name}", lambda: not self.leftovers() or None, within=GONE_SECONDS)

    def story(self) -> str:
        """Return what a person would look at after a failure."""
        parts = [
            ("experiments", self._try("get", keys.PLURAL, "--output=yaml")),
            ("pods", self._try("get", "pods", "--output=wide")),
            ("events", self._try("get", "events", "--sort-by=.lastTimestamp")),
            *((f"log of {pod}", self._try("logs", pod, f"--tail={TAIL_LINES}")) for pod in self._pod_names()),
            ("log of the operator", self._operator_log()),
        ]
        return "\n".join(f"--- {title} in {self.name}\n{text}" for title, text in parts)

    def _pod_names(self) -> list[str]:
        return self._try("get", "pods", "--output=jsonpath={.items[*].metadata.name}").split()

    def _operator_log(self) -> str:
        return self._try("logs", "deployment/luthier", "--namespace", NAMESPACE, f"--tail={TAIL_LINES}")

    def _try(self, *arguments: str) -> str:
        try:
            return self.kubectl(*arguments)
        except StepFailed as error:
            return str(error)


@contextmanager
def a_place(cluster: Installed, purpose: str) -> Iterator[Place]:
    """Make a namespace that enforces the restricted standard and holds the tests' programs; delete it in the end."""
    place = Place(cluster, f"e2e-{purpose}-{uuid4().hex[:5]}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.name, "labels": labels}}
    place.apply(namespace)
    place.apply(code())
    try:
        yield place
    finally:
        cluster.kubectl("delete", "namespace", place.name, "--wait=false")


def condition(status: Json, type_: str) -> Json:
    """Return a condition of a status; one without status where it is not there."""
    return next((c for c in status.get("conditions", []) if c["type"] == type_), {"status": "Absent", "reason": ""})


def is_ready(pod: Json) -> bool:
    """Tell whether a pod is ready and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def has_failed(node: object) -> bool:
    """Tell whether a test has failed, so that its teardown need not."""
    return bool(getattr(node, "failed", False))


def moment() -> float:
    """Return the time in seconds since the epoch, as ledgers and watches count it."""
    return time.time()


def a_restricted_pod(name: str, image: str, command: list[str], claim: str | None = None) -> Json:
    """Return a pod of the tests' own, with an experiment's storage to read where a claim is named."""
    mounts = [{"name": "storage", "mountPath": keys.MOUNT_STORAGE, "readOnly": True}] if claim else []
    volumes = [{"name": "storage", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": mounts,
                }
            ],
            "volumes": volumes,
        },
    }
