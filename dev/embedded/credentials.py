"""Certificates and kubeconfigs of one cluster.

Every component has an identity of its own, as in a production cluster, so that
RBAC and the Node authorizer are really exercised.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded import builds
from embedded.errors import StepError
from embedded.pins import KUBE
from embedded.places import Layout


@dataclass(frozen=True)
class Identity:
    """A client certificate: the file's name, the user and the group it stands for."""

    file: str
    user: str
    group: str = ""


ADMIN = Identity("admin", "admin", "system:masters")
# One identity for all controllers instead of a token each: ready a second sooner.
CONTROLLERS = Identity("controllers", "system:kube-controller-manager", "system:masters")
SCHEDULER = Identity("scheduler", "system:kube-scheduler")
PROXY = Identity("proxy", "system:kube-proxy")
PROVISIONER = Identity("provisioner", "local-provisioner")
API_TO_KUBELET = Identity("api-to-kubelet", "kube-apiserver", "system:masters")


def kubelet(node: str) -> Identity:
    """Return the identity that the Node authorizer knows as this node's kubelet."""
    return Identity("kubelet", f"system:node:{node}", "system:nodes")


def create(
    layout: Layout, *, server: str, addresses: Sequence[str], hosts: Sequence[str], identities: Sequence[Identity]
) -> None:
    """Write the certificates, unless they exist, and a kubeconfig for every identity."""
    if not (layout.pki / "service-accounts.key").exists():
        _write_certificates(layout, addresses, hosts, identities)
    for identity in identities:
        layout.kubeconfig(identity.file).write_text(
            json.dumps(_kubeconfig(layout.pki, server, identity.file), indent=1)
        )
        layout.kubeconfig(identity.file).chmod(0o600)


def _write_certificates(
    layout: Layout, addresses: Sequence[str], hosts: Sequence[str], identities: Sequence[Identity]
) -> None:
    clients = [f"{identity.file}={identity.user}/{identity.group}".removesuffix("/") for identity in identities]
    command = [str(builds.path(KUBE)), "pki", f"--directory={layout.pki}"]
    command += [f"--address={address}" for address in addresses]
    command += [f"--host={host}" for host in hosts]
    command += [f"--client={client}" for client in clients]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise StepError(
            f"no certificates: {finished.stderr.strip()}",
            advice="run `dev/cluster down --purge`, then `dev/cluster up`",
        )


def _kubeconfig(pki: Path, server: str, name: str) -> dict[str, object]:
    """Return a kubeconfig with everything inside it; JSON is YAML to every client."""
    cluster = {"server": server, "certificate-authority-data": _base64(pki / "ca.crt")}
    user = {"client-certificate-data": _base64(pki / f"{name}.crt"), "client-key-data": _base64(pki / f"{name}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "embedded", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": name}}],
        "current-context": "embedded",
    }


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
