"""Monitors are understood as the Prometheus operator understands them."""

from __future__ import annotations

from typing import Any

from scraping.monitors import Monitor

SERVICES = Monitor(
    {
        "kind": "ServiceMonitor",
        "metadata": {"name": "luthier", "namespace": "luthier-system"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "luthier", "part": "operator"}},
            "endpoints": [{"port": "metrics", "path": "/metrics", "honorLabels": True}],
        },
    }
)
PODS = Monitor(
    {
        "kind": "PodMonitor",
        "metadata": {"name": "luthier-drivers", "namespace": "luthier-system"},
        "spec": {
            "selector": {
                "matchLabels": {"luthier.dev/role": "driver"},
                "matchExpressions": [{"key": "luthier.dev/metrics", "operator": "Exists"}],
            },
            "namespaceSelector": {"any": True},
            "podMetricsEndpoints": [{"port": "progress", "path": "/metrics"}],
        },
    }
)


def pod(name: str, phase: str = "Running", ip: str | None = "10.0.0.7") -> dict[str, Any]:
    ports = [{"name": "ray", "containerPort": 6379}, {"name": "progress", "containerPort": 8077}]
    return {
        "metadata": {"name": name, "namespace": "ml"},
        "spec": {"containers": [{"name": "sidecar"}, {"name": "trial", "ports": ports}]},
        "status": {"phase": phase, **({"podIP": ip} if ip else {})},
    }


def test_a_selector_is_what_the_api_server_takes() -> None:
    assert SERVICES.selector == "app.kubernetes.io/name=luthier,part=operator"
    assert PODS.selector == "luthier.dev/role=driver,luthier.dev/metrics"


def test_a_monitor_looks_into_its_own_namespace_unless_it_says_otherwise() -> None:
    assert SERVICES.namespaces == ["luthier-system"]
    assert PODS.namespaces is None


def test_a_pod_that_runs_is_a_target_at_the_port_of_that_name() -> None:
    found = [pod("driver"), pod("ended", phase="Succeeded"), pod("waiting", phase="Pending", ip=None)]
    assert PODS.targets(found) == [{"targets": ["10.0.0.7:8077"], "labels": {"namespace": "ml", "pod": "driver"}}]


def test_a_service_s_endpoints_are_targets_even_where_it_has_none() -> None:
    place = {"namespace": "luthier-system", "name": "luthier-x2k"}
    endpoint = {"addresses": ["10.0.0.3"], "targetRef": {"name": "luthier-0"}}
    full = {"metadata": place, "ports": [{"name": "metrics", "port": 8080}], "endpoints": [endpoint]}
    empty = {"metadata": place}
    labels = {"namespace": "luthier-system", "pod": "luthier-0"}
    assert SERVICES.targets([empty, full]) == [{"targets": ["10.0.0.3:8080"], "labels": labels}]


def test_labels_of_the_page_win_where_the_monitor_says_so() -> None:
    assert SERVICES.scrape("file.json")["honor_labels"] is True
    assert PODS.scrape("file.json")["honor_labels"] is False
