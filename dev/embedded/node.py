"""The node: containerd, kubelet and kube-proxy, with what each must be told."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from embedded import builds, network, processes
from embedded.api import Api, wait_until
from embedded.commands import read
from embedded.errors import StepError
from embedded.pins import KUBE
from embedded.places import Layout

NAME = "luthier-dev"
CLUSTER_DNS = "10.96.0.10"
CONTAINERD_SECONDS = 20.0
CGROUP_ROOT = Path("/sys/fs/cgroup")


def start_containerd(layout: Layout, sandbox_image: str) -> None:
    """Start a containerd of the cluster's own, apart from any other on the machine."""
    config = layout.configuration / "containerd.toml"
    config.write_text(_containerd_config(layout, sandbox_image))
    processes.start(layout, "containerd", ["containerd", "--config", config])
    failure = StepError(
        "containerd does not answer",
        log=layout.log("containerd"),
        advice="`dev/cluster down` and `dev/cluster up` start afresh",
    )
    wait_until(
        lambda: bool(read(["ctr", "--address", layout.containerd_socket, "version"])), CONTAINERD_SECONDS, failure
    )


def start_kubelet(layout: Layout, address: str, port: int) -> None:
    """Start the kubelet, which registers the node."""
    config = layout.configuration / "kubelet.json"
    config.write_text(json.dumps(_kubelet_config(layout, port), indent=1))
    command: list[str | Path] = [
        builds.path(KUBE),
        "kubelet",
        f"--config={config}",
        f"--kubeconfig={layout.kubeconfig('kubelet')}",
        f"--root-dir={kubelet_directory(layout)}",
        f"--hostname-override={NAME}",
        f"--node-ip={address}",
    ]
    processes.start(layout, "kubelet", command)


def start_proxy(layout: Layout, ports: dict[str, int]) -> None:
    """Start kube-proxy; it looks its node up first, so the node must be registered."""
    running = processes.recorded(layout, "kube-proxy")
    if running is not None and running.alive():
        return  # it ends itself when its configuration is written again
    config = layout.configuration / "kube-proxy.json"
    config.write_text(json.dumps(_proxy_config(layout, ports), indent=1))
    processes.start(layout, "kube-proxy", [builds.path(KUBE), "kube-proxy", f"--config={config}"])


def ready(layout: Layout, api: Api) -> bool:
    """Return whether the node takes pods, said by this kubelet and not by one that ended before."""
    found = api.get(f"/api/v1/nodes/{NAME}")
    conditions = {entry["type"]: entry for entry in found["status"].get("conditions", [])}
    answer = conditions.get("Ready", {})
    if answer.get("status") != "True" or found["spec"].get("taints"):
        return False
    heard = datetime.fromisoformat(answer["lastHeartbeatTime"]).timestamp()
    return heard >= int(processes.started_at(layout, "kubelet"))


def kubelet_directory(layout: Layout) -> Path:
    """Return where the kubelet keeps pods and their volumes."""
    return layout.root / "kubelet"


def _containerd_config(layout: Layout, sandbox_image: str) -> str:
    restrict = "false" if _may_lower_oom_score() else "true"
    return f"""version = 2
root = "{layout.root}/containerd"
state = "{layout.root}/run/containerd"

[grpc]
address = "{layout.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{sandbox_image}"
netns_mounts_under_state_dir = true
restrict_oom_score_adj = {restrict}

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{network.PLUGINS}"
conf_dir = "{network.cni_directory(layout)}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{layout.root}/run/runc"
"""


def _may_lower_oom_score() -> bool:
    """Return whether this process has CAP_SYS_RESOURCE, without which runc's start fails."""
    own = Path("/proc/self/oom_score_adj")
    before = own.read_text()
    try:
        own.write_text("-1")
        own.write_text(before)
    except PermissionError:
        return False
    return True


def _kubelet_config(layout: Layout, port: int) -> dict[str, object]:
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "port": port,
        "readOnlyPort": 0,
        "healthzPort": 0,
        "tlsCertFile": str(pki / "serving.crt"),
        "tlsPrivateKeyFile": str(pki / "serving.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(_resolver_file()),
        "podLogsDir": str(layout.root / "pod-logs"),
        "serializeImagePulls": False,
        "maxPods": 200,
        # A development machine's disk is often nearly full, and an image that is
        # collected can't be pulled again: there is no registry.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "200Mi", "imagefs.available": "200Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def _resolver_file() -> Path:
    """Return the file with real name servers: a pod can't use systemd's own on 127.0.0.53."""
    systemd = Path("/run/systemd/resolve/resolv.conf")
    return systemd if systemd.exists() else Path("/etc/resolv.conf")


def _proxy_config(layout: Layout, ports: dict[str, int]) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("proxy"))},
        "hostnameOverride": NAME,
        "clusterCIDR": network.POD_RANGE,
        "oomScoreAdj": 0,
        "healthzBindAddress": f"127.0.0.1:{ports['proxy-health']}",
        "metricsBindAddress": f"127.0.0.1:{ports['proxy-metrics']}",
        # Zero leaves the machine's connection tracking as it is.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def remove_cgroups() -> None:
    """Remove the emptied cgroups of pods, in every hierarchy there is."""
    for root in (CGROUP_ROOT / "kubepods", *CGROUP_ROOT.glob("*/kubepods")):
        for directory, _, _ in os.walk(root, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                continue
