"""More than the machine has: GPUs on the real node, and whole nodes that are fake.

An extended resource is a number in a node's status, which is all that the
scheduler looks at; a fake node is an object that KWOK keeps Ready.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from embedded import builds, node, ports, processes
from embedded.api import Api, Object
from embedded.pins import KWOK
from embedded.places import Layout

GPU = "nvidia.com/gpu"
ANNOTATION = "kwok.x-k8s.io/node"
FAKE_LABEL = "type"
FAKE_VALUE = "kwok"
FAKE_CAPACITY = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "1Ti", "pods": "250"}
PARALLEL_CALLS = 8


def set_gpus(layout: Layout, api: Api, count: int) -> None:
    """Advertise GPUs on the real node, now and after every later `up`."""
    (layout.root / "gpus").write_text(str(count))
    quantity = str(count) if count else None
    change = {"status": {"capacity": {GPU: quantity}, "allocatable": {GPU: quantity}}}
    api.merge(f"/api/v1/nodes/{node.NAME}/status", change)


def restore(layout: Layout, api: Api) -> None:
    """Bring back the GPUs and fake nodes that were asked for before the cluster was ended."""
    file = layout.root / "gpus"
    if file.exists():
        set_gpus(layout, api, int(file.read_text()))
    if fake_nodes(api):
        _start_kwok(layout)


def set_fake_nodes(layout: Layout, api: Api, count: int, gpus: int) -> None:
    """Make the fake nodes exactly this many, each with this many GPUs."""
    if count:
        _start_kwok(layout)
    wanted = {f"fake-{number:04d}": _fake_node(f"fake-{number:04d}", gpus) for number in range(count)}
    superfluous = [name for name in fake_nodes(api) if name not in wanted]
    with ThreadPoolExecutor(PARALLEL_CALLS) as calls:
        list(calls.map(lambda name: api.delete(f"/api/v1/nodes/{name}"), superfluous))
        list(calls.map(lambda manifest: _put(api, manifest), wanted.values()))
    if not count:
        processes.stop(layout, "kwok")


def fake_nodes(api: Api) -> list[str]:
    """Return the names of the fake nodes."""
    found = api.get(f"/api/v1/nodes?labelSelector={FAKE_LABEL}%3D{FAKE_VALUE}")
    return [item["metadata"]["name"] for item in found["items"]]


def _put(api: Api, manifest: Object) -> None:
    api.create("/api/v1/nodes", manifest)
    api.merge(f"/api/v1/nodes/{manifest['metadata']['name']}/status", {"status": manifest["status"]})


def _fake_node(name: str, gpus: int) -> Object:
    capacity = {**FAKE_CAPACITY, GPU: str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {ANNOTATION: "fake"},
            "labels": {FAKE_LABEL: FAKE_VALUE, "kubernetes.io/hostname": name},
        },
        "spec": {"taints": [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def _start_kwok(layout: Layout) -> None:
    builds.build([KWOK])
    flags = [
        f"--kubeconfig={layout.admin_kubeconfig}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        f"--server-address=127.0.0.1:{ports.remembered(layout, {})['kwok']}",
    ]
    processes.start(layout, "kwok", [builds.path(KWOK), *flags])
