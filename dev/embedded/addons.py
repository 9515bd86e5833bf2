"""What every cluster has inside: DNS, a default StorageClass, and their permissions."""

from __future__ import annotations

from embedded.api import Api, Object
from embedded.node import CLUSTER_DNS

SYSTEM = "/api/v1/namespaces/kube-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
DNS_DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
STORAGE_CLASS = "/apis/storage.k8s.io/v1/storageclasses/standard"
# Above 1023, so that DNS needs no capability. Answers about the cluster live one
# second: a headless Service must know a pod that has just become ready.
DNS_PORT = 1053
COREFILE = f"""
.:{DNS_PORT} {{
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 1
    }}
    forward . /etc/resolv.conf
    cache 30 {{
        disable denial cluster.local
    }}
}}
"""


def apply(api: Api, dns_image: str) -> None:
    """Create or update everything; the order is the order of need."""
    for path, manifest in {**_permissions(), **_storage(), **_dns(dns_image)}.items():
        api.apply(path, manifest)


def _permissions() -> dict[str, Object]:
    return {
        f"{RBAC}/clusterroles/coredns": {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "coredns"},
            "rules": [
                _watch("", "endpoints", "services", "pods", "namespaces"),
                _watch("discovery.k8s.io", "endpointslices"),
            ],
        },
        f"{RBAC}/clusterrolebindings/coredns": _binding(
            "coredns", "coredns", {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}
        ),
        f"{RBAC}/clusterrolebindings/local-provisioner": _binding(
            "local-provisioner",
            "system:persistent-volume-provisioner",
            {"kind": "User", "name": "local-provisioner", "apiGroup": "rbac.authorization.k8s.io"},
        ),
    }


def _watch(group: str, *resources: str) -> Object:
    return {"apiGroups": [group], "resources": list(resources), "verbs": ["get", "list", "watch"]}


def _binding(name: str, role: str, subject: Object) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def _storage() -> dict[str, Object]:
    return {
        STORAGE_CLASS: {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "local-provisioner",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        }
    }


def _dns(image: str) -> dict[str, Object]:
    metadata = {"name": "coredns", "namespace": "kube-system"}
    labels = {"k8s-app": "kube-dns"}
    ports = [
        {"name": f"dns-{kind.lower()}", "port": 53, "targetPort": DNS_PORT, "protocol": kind} for kind in ("UDP", "TCP")
    ]
    return {
        f"{SYSTEM}/serviceaccounts/coredns": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        f"{SYSTEM}/configmaps/coredns": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"Corefile": COREFILE},
        },
        f"{SYSTEM}/services/kube-dns": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {"clusterIP": CLUSTER_DNS, "selector": labels, "ports": ports},
        },
        DNS_DEPLOYMENT: {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _dns_pod(image)},
            },
        },
    }


def _dns_pod(image: str) -> Object:
    container = {
        "name": "coredns",
        "image": image,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/coredns", "readOnly": True}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "containers": [container],
        "volumes": [{"name": "configuration", "configMap": {"name": "coredns"}}],
    }
