"""The chart as Helm renders it, as plain objects that a test can read."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "luthier"
KUBERNETES = "1.34.0"
RELEASE = "tuning"
NAMESPACE = "luthier-system"

Object = dict[str, Any]


class RefusalError(AssertionError):
    """Helm refused the values or the chart; the message is its own."""


@dataclass(frozen=True)
class Helm:
    """The Helm program, on one chart folder."""

    program: Path
    chart: Path = CHART

    def run(self, *arguments: str, values: Object | None = None) -> str:
        """Run one command on the chart with these values; return what it prints."""
        command = [str(self.program), *arguments, "--kube-version", KUBERNETES, "--values", "-"]
        done = subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusalError(done.stdout + done.stderr)
        return done.stdout

    def lint(self, **values: Any) -> str:
        return self.run("lint", "--strict", str(self.chart), values=values)

    def manifests(self, **values: Any) -> str:
        return self.run("template", RELEASE, str(self.chart), "--namespace", NAMESPACE, values=values)

    def render(self, **values: Any) -> Rendered:
        return Rendered([document for document in read_yaml(self.manifests(**values)) if document])

    def notes(self, copy: Path, **values: Any) -> str:
        """Return the notes; `helm template` leaves them out, so a copy of the chart carries them in an object."""
        shutil.copytree(self.chart, copy)
        text = (copy / "templates" / "NOTES.txt").read_text()
        carrier = "kind: Notes\nmetadata: {name: notes}\ntext: {{ include `notes` . | toJson }}\n"
        (copy / "templates" / "notes.yaml").write_text(f"{{{{ define `notes` }}}}{text}{{{{ end }}}}{carrier}")
        notes: str = Helm(self.program, copy).render(**values).one("Notes")["text"]
        return notes


@dataclass(frozen=True)
class Rendered:
    """All objects of one rendering."""

    objects: list[Object]

    def all(self, kind: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str) -> Object:
        (found,) = self.all(kind)
        return found

    def kinds(self) -> set[str]:
        return {found["kind"] for found in self.objects}

    @property
    def pod(self) -> Object:
        """The pod spec of the operator's Deployment."""
        pod: Object = self.one("Deployment")["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Object:
        (container,) = self.pod["containers"]
        found: Object = container
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The operator's variables that have a literal value."""
        return {entry["name"]: entry["value"] for entry in self.container["env"] if "value" in entry}

    def rules(self) -> list[Object]:
        """Every rule that is bound to the operator's service account."""
        account = self.pod["serviceAccountName"]
        bound = {
            (binding["roleRef"]["kind"], binding["roleRef"]["name"], binding["metadata"].get("namespace"))
            for binding in self.all("RoleBinding") + self.all("ClusterRoleBinding")
            if {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE} in binding["subjects"]
        }
        roles = [
            role
            for role in self.all("Role") + self.all("ClusterRole")
            if (role["kind"], role["metadata"]["name"], role["metadata"].get("namespace")) in bound
        ]
        return [rule for role in roles for rule in role["rules"]]

    def verbs(self, resource: str) -> set[str]:
        """What the operator may do with one resource."""
        return {verb for rule in self.rules() if resource in rule["resources"] for verb in rule["verbs"]}


def read_yaml(text: str) -> list[Any]:
    return list(YAML(typ="safe").load_all(text))
