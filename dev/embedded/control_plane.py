"""etcd, the API server, the controllers and the scheduler, as processes of this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass

from embedded import builds, processes
from embedded.api import Api, wait_until
from embedded.errors import StepError
from embedded.pins import KUBE
from embedded.places import Layout

SERVICE_RANGE = "10.96.0.0/16"
FIRST_SERVICE_ADDRESS = "10.96.0.1"
READY_SECONDS = 60.0
HOSTS = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True)
class Address:
    """Where the API server listens and the address it is known by."""

    listen: str
    advertise: str
    port: int

    @property
    def url(self) -> str:
        """Return what a kubeconfig names as the server."""
        return f"https://{self.advertise}:{self.port}"


def start_storage_and_api(layout: Layout, address: Address, ports: dict[str, int], extra: list[str]) -> None:
    """Start etcd and the API server together: the server waits for its storage by itself."""
    kube = builds.path(KUBE)
    processes.start(layout, "etcd", [kube, "etcd", *_etcd_flags(layout, ports)])
    flags = [*_api_server_flags(layout, address, ports["etcd"]), *extra]
    processes.start(layout, "kube-apiserver", [kube, "kube-apiserver", *flags])


def start_controllers(layout: Layout) -> None:
    """Start the controller manager."""
    pki = layout.pki
    flags = {
        "kubeconfig": layout.kubeconfig("controllers"),
        "service-account-private-key-file": pki / "service-accounts.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "leader-elect": "false",
        "secure-port": 0,
        "kube-api-qps": 500,
        "kube-api-burst": 1000,
    }
    processes.start(layout, "kube-controller-manager", [builds.path(KUBE), "kube-controller-manager", *_flags(flags)])


def start_scheduler(layout: Layout) -> None:
    """Start the scheduler."""
    flags = {
        "kubeconfig": layout.kubeconfig("scheduler"),
        "leader-elect": "false",
        "secure-port": 0,
        "kube-api-qps": 500,
        "kube-api-burst": 1000,
    }
    processes.start(layout, "kube-scheduler", [builds.path(KUBE), "kube-scheduler", *_flags(flags)])


def wait_for_api(layout: Layout) -> Api:
    """Return a client once the API server answers."""
    failure = StepError(
        "the API server is not ready",
        log=layout.log("kube-apiserver"),
        advice=f"read {layout.log('etcd')} too; `dev/cluster down` and `dev/cluster up` start afresh",
    )
    api = Api(layout)
    wait_until(api.ready, READY_SECONDS, failure)
    return api


def wait_for_controllers(layout: Layout, api: Api) -> None:
    """Wait for the default service account: the proof that controllers work, and pods need it."""
    failure = StepError(
        "the controllers do not work",
        log=layout.log("kube-controller-manager"),
        advice="`dev/cluster down` and `dev/cluster up` start afresh",
    )
    wait_until(lambda: api.exists("/api/v1/namespaces/default/serviceaccounts/default"), READY_SECONDS, failure)


def audit_flags(layout: Layout) -> list[str]:
    """Return the API server's flags for an audit log, and write the policy they name."""
    policy = layout.configuration / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [f"--audit-policy-file={policy}", f"--audit-log-path={layout.audit_log}"]


def _etcd_flags(layout: Layout, ports: dict[str, int]) -> list[str]:
    client, peer = f"http://127.0.0.1:{ports['etcd']}", f"http://127.0.0.1:{ports['etcd-peer']}"
    flags = {
        "name": "default",
        "data-dir": layout.root / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        # A single member elects itself: short timeouts save a second at start.
        "heartbeat-interval": 10,
        "election-timeout": 100,
        "log-level": "warn",
        "unsafe-no-fsync": "true",
    }
    return _flags(flags)


def _api_server_flags(layout: Layout, address: Address, etcd_port: int) -> list[str]:
    pki = layout.pki
    flags = {
        "etcd-servers": f"http://127.0.0.1:{etcd_port}",
        "bind-address": address.listen,
        "advertise-address": address.advertise,
        "secure-port": address.port,
        "service-cluster-ip-range": SERVICE_RANGE,
        "tls-cert-file": pki / "serving.crt",
        "tls-private-key-file": pki / "serving.key",
        "client-ca-file": pki / "ca.crt",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "api-to-kubelet.crt",
        "kubelet-client-key": pki / "api-to-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "service-accounts.key",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
    }
    return _flags(flags)


def _flags(flags: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
