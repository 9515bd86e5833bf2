"""Two ways to speak to the tests' API server: kubectl as users do, and the REST API as programs do."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kubernetes import client, config

from luthier.api import keys

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "default"


class Refused(AssertionError):
    """The server said no; the message is its own."""


@cache
def kubectl_program() -> str:
    """Return the path of kubectl, built with the API server by the development cluster's command."""
    command = [str(ROOT / "dev" / "cluster"), "build", "--only", "kube"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return str(Path(built.stdout.strip()) / "kubectl")


@dataclass(frozen=True)
class Kubectl:
    """kubectl, called like a function; returns what it prints."""

    kubeconfig: Path

    def __call__(self, *arguments: str, stdin: Json | str = "") -> str:
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        done = subprocess.run(
            [kubectl_program(), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Refused(done.stderr + done.stdout)
        return done.stdout


@dataclass(frozen=True)
class Experiments:
    """TuningExperiments of one namespace; every write is validated strictly."""

    api: client.CustomObjectsApi

    @classmethod
    def at(cls, kubeconfig: Path) -> Experiments:
        return cls(client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig))))

    def create(self, manifest: Json, *, dry_run: bool = False) -> Json:
        with _refusals():
            return self.api.create_namespaced_custom_object(
                *_PLACE, body=manifest, field_validation="Strict", **({"dry_run": "All"} if dry_run else {})
            )

    def get(self, name: str) -> Json:
        return self.api.get_namespaced_custom_object(*_PLACE, name)

    def patch(self, name: str, body: Json) -> Json:
        """Merge-patch everything but the status."""
        with _refusals():
            return self.api.patch_namespaced_custom_object(*_PLACE, name, body=body, field_validation="Strict")

    def patch_status(self, name: str, status: Json) -> Json:
        """Merge-patch the status."""
        with _refusals():
            return self.api.patch_namespaced_custom_object_status(*_PLACE, name, body={"status": status})

    def delete(self, name: str) -> None:
        self.api.delete_namespaced_custom_object(*_PLACE, name)


_PLACE = (keys.GROUP, keys.VERSION, NAMESPACE, keys.PLURAL)


class _refusals:  # noqa: N801  # reads as a statement
    """Turn the client's exception into the server's own sentence."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, client.ApiException):
            raise Refused(json.loads(error.body)["message"]) from error
