"""The command line as people start it: as a plugin of the real kubectl, and in a pod with a service account."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from support.apiserver import ROOT, Experiments, Kubectl, kubectl_program
from support.bad_manifests import a_manifest

pytestmark = pytest.mark.apiserver
PROGRAMS = Path(sys.executable).parent
IN_A_POD = """
mount -t tmpfs tmpfs /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""
"""What the kubelet does for a pod's service account, in a mount namespace of its own."""


@pytest.fixture
def name(experiments: Experiments) -> Iterator[str]:
    experiments.create(a_manifest("digits"))
    yield "digits"
    experiments.delete("digits")


def call(*command: object, environment: dict[str, str], code: int = 0) -> str:
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_kubectl_finds_it_as_a_plugin(api_server: Path, name: str) -> None:
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(api_server)}
    kubectl = kubectl_program()
    assert f"{PROGRAMS}/kubectl-luthier" in call(kubectl, "plugin", "list", environment=environment)
    assert name in call(kubectl, "luthier", "get", environment=environment)
    assert json.loads(call(kubectl, "luthier", "get", name, "-o", "json", environment=environment))["kind"]
    assert "no TuningExperiment nobody" in call(kubectl, "luthier", "stop", "nobody", environment=environment, code=2)


def the_role_of_the_guide() -> dict[str, Any]:
    """Return the Role that the user guide gives to a pod that uses the command line."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "user-guide.md").read_text(), re.DOTALL)
    (role,) = (block for block in blocks if "kind: Role\n" in block)
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(role)
    return read


@pytest.fixture
def account(kubectl: Kubectl, api_server: Path, tmp_path: Path) -> Iterator[Path]:
    """The files of a service account that has the guide's Role in a namespace of its own."""
    role = the_role_of_the_guide()
    role_name = role["metadata"]["name"]
    kubectl("create", "namespace", "pipelines")
    kubectl("apply", "--namespace=pipelines", "--filename", "-", stdin=role)
    kubectl("create", "serviceaccount", "pipeline", "--namespace=pipelines")
    subject = ("--serviceaccount=pipelines:pipeline", f"--role={role_name}")
    kubectl("create", "rolebinding", role_name, *subject, "--namespace=pipelines")
    cluster = YAML(typ="safe", pure=True).load(api_server)["clusters"][0]["cluster"]
    if "certificate-authority-data" in cluster:
        authority = base64.b64decode(cluster["certificate-authority-data"])
    else:
        authority = Path(cluster["certificate-authority"]).read_bytes()
    files = tmp_path / "account"
    files.mkdir()
    (files / "ca.crt").write_bytes(authority)
    (files / "token").write_text(kubectl("create", "token", "pipeline", "--namespace=pipelines").strip())
    (files / "namespace").write_text("pipelines")
    yield files
    kubectl("delete", "namespace", "pipelines", "--wait=false")


def test_in_a_pod_it_is_the_pods_service_account_in_the_pods_namespace(
    account: Path, api_server: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    server = urlsplit(YAML(typ="safe", pure=True).load(api_server)["clusters"][0]["cluster"]["server"])
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "COLUMNS": "200",
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }

    def luthier(*arguments: str, code: int = 0) -> str:
        pod = ("unshare", "--mount", "--user", "--map-root-user", "sh", "-ec", IN_A_POD, "pod", account)
        return call(*pod, PROGRAMS / "luthier", *arguments, environment=environment, code=code)

    manifest = a_manifest("digits")
    manifest["metadata"]["namespace"] = "pipelines"
    kubectl("create", "--filename", "-", stdin=manifest)
    (found,) = json.loads(luthier("get", "-o", "json"))
    assert found["metadata"]["namespace"] == "pipelines"
    assert "digits is Pending" in luthier("explain", "digits")
    assert "is being suspended" in luthier("suspend", "digits")
    assert "has no pods" in luthier("logs", "digits", code=2)
    assert "Ask for the right to list tuningexperiments" in luthier("get", "-n", "default", code=2)
