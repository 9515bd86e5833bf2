"""Monitors, rules and dashboards: each by a switch, found by the Prometheus and the Grafana that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import NAMESPACE, Helm, Rendered
from luthier.api import keys

pytestmark = pytest.mark.chart

KINDS = {"serviceMonitor": "ServiceMonitor", "podMonitor": "PodMonitor", "prometheusRule": "PrometheusRule"}
ALL_ON = {name: {"enabled": True} for name in (*KINDS, "dashboards")}


def on(*names: str, **more: Any) -> dict[str, Any]:
    return {"monitoring": {**{name: {"enabled": True} for name in names}, **more}}


def dashboards(rendered: Rendered) -> list[dict[str, Any]]:
    return rendered.all("ConfigMap")


def test_nothing_is_there_until_it_is_switched_on(defaults: Rendered) -> None:
    assert defaults.kinds().isdisjoint({*KINDS.values(), "ConfigMap"})


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_each_has_a_switch_of_its_own(helm: Helm, name: str, kind: str) -> None:
    assert helm.render(**on(name)).kinds() & {*KINDS.values(), "ConfigMap"} == {kind}


def test_the_operator_is_scraped_through_its_service_and_keeps_the_experiments_namespace(helm: Helm) -> None:
    rendered = helm.render(**on("serviceMonitor"))
    monitor = rendered.one("ServiceMonitor")
    service = rendered.one("Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "path": "/metrics", "honorLabels": True}
    assert monitor["metadata"]["namespace"] == NAMESPACE


def test_drivers_are_scraped_in_all_namespaces_or_in_those_that_are_watched(helm: Helm) -> None:
    everywhere = helm.render(**on("podMonitor")).one("PodMonitor")["spec"]
    assert everywhere["selector"] == {
        "matchLabels": {keys.LABEL_ROLE: keys.ROLE_DRIVER},
        "matchExpressions": [{"key": f"{keys.GROUP}/metrics", "operator": "Exists"}],
    }
    assert everywhere["namespaceSelector"] == {"any": True}
    assert everywhere["podMetricsEndpoints"] == [{"port": "progress", "path": "/metrics"}]
    some = helm.render(watchNamespaces=["team-a", "team-b"], **on("podMonitor")).one("PodMonitor")["spec"]
    assert some["namespaceSelector"] == {"matchNames": ["team-a", "team-b"]}


def test_the_interval_is_passed_on(helm: Helm) -> None:
    rendered = helm.render(
        monitoring={
            "serviceMonitor": {"enabled": True, "interval": "5s"},
            "podMonitor": {"enabled": True, "interval": "1m"},
        }
    )
    assert rendered.one("ServiceMonitor")["spec"]["endpoints"][0]["interval"] == "5s"
    assert rendered.one("PodMonitor")["spec"]["podMetricsEndpoints"][0]["interval"] == "1m"


@pytest.mark.parametrize("kind", KINDS.values())
def test_monitors_and_rules_carry_the_label_by_which_a_prometheus_selects_them(helm: Helm, kind: str) -> None:
    rendered = helm.render(**on(*KINDS, labels={"release": "kube-prometheus-stack"}))
    labels = rendered.one(kind)["metadata"]["labels"]
    assert labels["release"] == "kube-prometheus-stack"
    assert labels["app.kubernetes.io/part-of"] == "luthier"


def test_the_notes_say_which_label_a_prometheus_needs_and_who_must_be_let_in(helm: Helm, tmp_path: Path) -> None:
    silent = helm.notes(tmp_path / "off")
    assert "`monitoring.*.enabled=true`" in silent
    assert "monitoring.labels.release" not in silent

    lacking = helm.notes(tmp_path / "lacking", **on("podMonitor"))
    assert "monitoring.labels.release" in lacking
    assert "networkPolicy.experiments.metricsFrom" in lacking

    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    done = helm.notes(
        tmp_path / "done",
        **on("podMonitor", labels={"release": "stack"}),
        networkPolicy={"experiments": {"metricsFrom": [peer]}},
    )
    assert "monitoring.labels.release" not in done
    assert "metricsFrom" not in done


def test_dashboards_are_config_maps_that_grafanas_sidecar_finds(helm: Helm) -> None:
    found = dashboards(helm.render(**on("dashboards")))
    assert [each["metadata"]["name"] for each in found] == [
        f"tuning-luthier-dashboard-{name}" for name in ("experiment", "fleet", "operator")
    ]
    for each in found:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = each["data"].items()
        assert name.startswith("luthier-")  # the sidecar writes all of a cluster's into one folder
        assert json.loads(text)["title"].startswith("Luthier / ")


def test_a_folder_and_a_label_of_ones_own(helm: Helm) -> None:
    dashboard = {"enabled": True, "labels": {"dashboards": "ml"}, "annotations": {"grafana_folder": "Luthier"}}
    for each in dashboards(helm.render(monitoring={"dashboards": dashboard})):
        assert each["metadata"]["labels"]["dashboards"] == "ml"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Luthier"}


def test_a_config_map_holds_a_dashboard(helm: Helm) -> None:
    for each in dashboards(helm.render(**on("dashboards"))):
        assert len(json.dumps(each)) < 256 * 1024  # what `kubectl apply` keeps of an object in an annotation


def test_lint_is_content_with_all_of_it(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.lint(monitoring=ALL_ON)
