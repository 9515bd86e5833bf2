"""The full cluster: one node on which pods really run.

Every step starts only what does not run, so `up` on a running cluster returns
at once and `up` on a half-dead one starts the missing half. `down` then `up` is
what a reboot is to a machine: objects stay, pods start again.
"""

from __future__ import annotations

import shutil

from embedded import (
    addons,
    builds,
    control_plane,
    credentials,
    debian,
    dns,
    network,
    node,
    ports,
    processes,
    remains,
    scale,
)
from embedded.api import Api, wait_until
from embedded.control_plane import Address
from embedded.errors import StepError
from embedded.images import SystemImage
from embedded.pins import COREDNS, KUBE, NODE_PACKAGES, PAUSE
from embedded.places import Layout, exclusive
from embedded.progress import Progress

READY_SECONDS = 90.0
API_NAME = "kubernetes.default.svc.cluster.local"
IDENTITIES = (
    credentials.ADMIN,
    credentials.CONTROLLERS,
    credentials.SCHEDULER,
    credentials.PROXY,
    credentials.PROVISIONER,
    credentials.API_TO_KUBELET,
    credentials.kubelet(node.NAME),
)
PREFERRED_PORTS = {
    "api": 6443,
    "etcd": 0,
    "etcd-peer": 0,
    "kubelet": 10250,
    "proxy-health": 0,
    "proxy-metrics": 0,
    "kwok": 0,
}
STEPS = {
    "prepare the machine": 0.5,
    "start the control plane": 5.0,
    "start the node": 4.0,
    "wait until all is ready": 8.0,
}
# Ended in this order: first what would start pods again, last what everything writes to.
NODE_COMPONENTS = ("kwok", "local-provisioner", "kube-proxy", "kubelet")
CONTROL_COMPONENTS = ("kube-scheduler", "kube-controller-manager", "kube-apiserver")


def up(layout: Layout) -> str:
    """Start what does not run; return how long it took, in words."""
    debian.require_root()
    builds.build([KUBE, PAUSE, COREDNS])
    debian.ensure(NODE_PACKAGES)
    layout.create()
    progress = Progress(STEPS)
    with exclusive(layout.root / "lock"):
        with progress.step("prepare the machine"):
            address, chosen = _prepare(layout)
        with progress.step("start the control plane"):
            api = _start_control_plane(layout, address, chosen)
        with progress.step("start the node"):
            _start_node(layout, api, address, chosen)
        with progress.step("wait until all is ready"):
            _wait_until_ready(layout, api)
            scale.restore(layout, api)
    return progress.total()


def down(layout: Layout, *, purge: bool) -> None:
    """End everything `up` started, and with `purge` delete what it knew."""
    if not layout.root.exists():
        return
    debian.require_root()
    with exclusive(layout.root / "lock"):
        processes.stop(layout, *NODE_COMPONENTS)
        remains.end_containers(layout)
        processes.stop(layout, "containerd")
        processes.stop(layout, *CONTROL_COMPONENTS)
        processes.stop(layout, "etcd")
        remains.unmount(layout)
        network.remove(layout)
        remains.clear(layout)
    if purge:
        shutil.rmtree(layout.root)


def _prepare(layout: Layout) -> tuple[Address, dict[str, int]]:
    chosen = ports.remembered(layout, PREFERRED_PORTS)
    address = Address("0.0.0.0", network.node_address(), chosen["api"])
    _refuse_another_address(layout, address)
    addresses = ["127.0.0.1", address.advertise, control_plane.FIRST_SERVICE_ADDRESS]
    credentials.create(
        layout, server=address.url, addresses=addresses, hosts=[*control_plane.HOSTS, node.NAME], identities=IDENTITIES
    )
    network.prepare(layout)
    return address, chosen


def _refuse_another_address(layout: Layout, address: Address) -> None:
    """Certificates and the node's object name the address of the first start."""
    if not layout.admin_kubeconfig.exists():
        return
    known = Api(layout).server
    if known != address.url:
        raise StepError(
            f"this machine was {known} and is {address.url} now",
            advice="`dev/cluster down --purge`, then `dev/cluster up` makes a new cluster",
        )


def _start_control_plane(layout: Layout, address: Address, chosen: dict[str, int]) -> Api:
    """Start containerd too: its images are imported while the API server starts."""
    control_plane.start_storage_and_api(layout, address, chosen, [])
    node.start_containerd(layout, SystemImage(PAUSE).reference)
    for program in (PAUSE, COREDNS):
        SystemImage(program).ensure(layout)
    api = control_plane.wait_for_api(layout)
    control_plane.start_controllers(layout)
    control_plane.start_scheduler(layout)
    return api


def _start_node(layout: Layout, api: Api, address: Address, chosen: dict[str, int]) -> None:
    node.start_kubelet(layout, address.advertise, chosen["kubelet"])
    addons.apply(api, SystemImage(COREDNS).reference)
    _start_provisioner(layout)
    failure = StepError(
        "the node did not register",
        log=layout.log("kubelet"),
        advice="`dev/cluster down` and `dev/cluster up` start afresh",
    )
    wait_until(lambda: api.exists(f"/api/v1/nodes/{node.NAME}"), READY_SECONDS, failure)
    node.start_proxy(layout, chosen)


def _start_provisioner(layout: Layout) -> None:
    flags = [f"--kubeconfig={layout.kubeconfig('provisioner')}", f"--directory={layout.volumes}"]
    processes.start(layout, "local-provisioner", [builds.path(KUBE), "local-provisioner", *flags])


def _wait_until_ready(layout: Layout, api: Api) -> None:
    control_plane.wait_for_controllers(layout, api)
    not_ready = StepError(
        "the node is not ready", log=layout.log("kubelet"), advice=f"read {layout.log('containerd')} too"
    )
    wait_until(lambda: node.ready(layout, api), READY_SECONDS, not_ready)
    no_dns = StepError(
        "the cluster's DNS is not ready",
        log=layout.log("kubelet"),
        advice="`kubectl -n kube-system describe pods` and `kubectl -n kube-system logs deployment/coredns` say why",
    )
    wait_until(lambda: dns.answers(node.CLUSTER_DNS, API_NAME), READY_SECONDS, no_dns)
