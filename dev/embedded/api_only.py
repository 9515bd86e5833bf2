"""A cluster without a node, for tests: storage, API server and controllers.

Ready in seconds, on free ports, with all its state in one directory, so any
number runs side by side and beside the full cluster.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from embedded import builds, control_plane, credentials, ports, processes
from embedded.control_plane import Address
from embedded.pins import KUBE
from embedded.places import Layout, exclusive

IDENTITIES = (credentials.ADMIN, credentials.CONTROLLERS, credentials.API_TO_KUBELET)
COMPONENTS = ("kube-controller-manager", "kube-apiserver", "etcd")


def up(directory: Path, *, audit: bool) -> Path:
    """Start an API server with its state in a directory; return the admin kubeconfig."""
    builds.build([KUBE])
    layout = Layout(directory.resolve())
    layout.create()
    with exclusive(layout.root / "lock"):
        _start(layout, audit=audit)
    return layout.admin_kubeconfig


def down(directory: Path, *, purge: bool) -> None:
    """End it at once: its state is worth nothing, so nobody waits for a polite end."""
    layout = Layout(directory.resolve())
    processes.stop(layout, *COMPONENTS, kill=True)
    if purge and layout.pki.exists():  # else the directory is not one of ours
        shutil.rmtree(layout.root)


def _start(layout: Layout, *, audit: bool) -> None:
    chosen = ports.remembered(layout, {"api": 0, "etcd": 0, "etcd-peer": 0})
    address = Address("127.0.0.1", "127.0.0.1", chosen["api"])
    addresses = ["127.0.0.1", control_plane.FIRST_SERVICE_ADDRESS]
    credentials.create(
        layout, server=address.url, addresses=addresses, hosts=control_plane.HOSTS, identities=IDENTITIES
    )
    # There is no Service routing here, and a loopback address is no valid endpoint.
    extra = ["--endpoint-reconciler-type=none", *(control_plane.audit_flags(layout) if audit else [])]
    control_plane.start_storage_and_api(layout, address, chosen, extra)
    api = control_plane.wait_for_api(layout)
    control_plane.start_controllers(layout)
    control_plane.wait_for_controllers(layout, api)
