"""A real API server for the chart's tests: what it says of objects, rights and pods."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chart.rendering import CHART, NAMESPACE, RELEASE, ROOT, Object


class CommandError(AssertionError):
    """A command failed; the message is its own."""


@dataclass(frozen=True)
class Server:
    """An API server with controllers and without nodes, spoken to by kubectl and helm."""

    kubeconfig: Path
    programs: Path

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self._run("kubectl", *arguments, stdin=stdin)

    def helm(self, *arguments: str) -> str:
        return self._run("helm", *arguments)

    def install(self, *sets: str) -> str:
        chosen = [part for assignment in sets for part in ("--set", assignment)]
        return self.helm("upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, *chosen)

    def uninstall(self) -> str:
        return self.helm("uninstall", RELEASE, "--namespace", NAMESPACE)

    def create_namespace(self, name: str, **labels: str) -> None:
        body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def may(self, user: str, verb: str, resource: str, namespace: str, subresource: str = "") -> bool:
        """Ask the server whether somebody may do something."""
        question = ["auth", "can-i", verb, resource, "--namespace", namespace, "--as", user]
        try:
            answer = self.kubectl(*question, f"--subresource={subresource}")
        except CommandError as refusal:
            answer = str(refusal)
        return answer.strip().splitlines()[0] == "yes"

    def _run(self, program: str, *arguments: str, stdin: str = "") -> str:
        command = [str(self.programs / program), *arguments, "--kubeconfig", str(self.kubeconfig)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CommandError(done.stdout + done.stderr)
        return done.stdout


@contextmanager
def real_server(programs: Path) -> Iterator[Server]:
    """Start one by the development cluster's own helper, and end it."""
    name = "embedded_testing"
    spec = importlib.util.spec_from_file_location(name, ROOT / "dev" / "embedded" / "testing.py")
    assert spec is not None
    assert spec.loader is not None
    testing: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = testing
    spec.loader.exec_module(testing)
    with testing.api_server() as started:
        yield Server(started.kubeconfig, programs)
