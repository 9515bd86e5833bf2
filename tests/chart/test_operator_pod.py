"""The operator's pod: restricted, alone, probed, and made of the images that the values name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chart.rendering import CHART, NAMESPACE, Helm, Rendered, read_yaml
from luthier.api.keys import PORT_METRICS, PORT_PROGRESS

pytestmark = pytest.mark.chart

DIGEST = "sha256:" + "0" * 63 + "1"
(VERSIONS,) = read_yaml((CHART / "Chart.yaml").read_text())
APP_VERSION = VERSIONS["appVersion"]


@pytest.mark.parametrize("values", [{}, {"runAsUser": None}, {"watchNamespaces": ["team-a"]}])
def test_the_pod_keeps_to_the_restricted_standard(helm: Helm, values: dict[str, Any]) -> None:
    rendered = helm.render(**values)
    assert rendered.pod["securityContext"]["runAsNonRoot"] is True
    assert rendered.pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert rendered.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert rendered.pod.keys().isdisjoint({"hostNetwork", "hostPID", "hostIPC"})
    assert [list(volume) for volume in rendered.pod["volumes"]] == [["name", "emptyDir"]]


def test_the_platform_may_choose_the_user(defaults: Rendered, helm: Helm) -> None:
    assert defaults.pod["securityContext"]["runAsUser"] > 10000
    assert "runAsUser" not in helm.render(runAsUser=None).pod["securityContext"]


def test_one_operator_runs_and_its_successor_watches_before_it_goes(defaults: Rendered) -> None:
    assert defaults.one("Deployment")["spec"]["replicas"] == 1
    assert defaults.one("Deployment")["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0},
    }
    assert "topologySpreadConstraints" not in defaults.pod


def test_several_operators_keep_apart_if_they_can(helm: Helm) -> None:
    rendered = helm.render(replicas=2)
    assert rendered.one("Deployment")["spec"]["replicas"] == 2
    (spread,) = rendered.pod["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert spread["labelSelector"] == rendered.one("Deployment")["spec"]["selector"]


def test_operators_of_a_release_share_a_lease_in_their_own_namespace(defaults: Rendered) -> None:
    sources = {entry["name"]: entry.get("valueFrom") for entry in defaults.container["env"]}
    assert defaults.environment["LUTHIER_LEASE_NAME"] == "tuning-luthier"
    assert sources["LUTHIER_LEASE_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert sources["POD_ID"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_only_tmp_can_be_written(defaults: Rendered) -> None:
    assert defaults.container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


def test_requests_and_limits_are_set(defaults: Rendered) -> None:
    resources = defaults.container["resources"]
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory", "ephemeral-storage"}


def test_probes_ask_the_metrics_port(defaults: Rendered) -> None:
    assert defaults.container["ports"] == [{"name": "metrics", "containerPort": PORT_METRICS}]
    asked = {name: defaults.container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "metrics"},
        "livenessProbe": {"path": "/healthz", "port": "metrics"},
        "readinessProbe": {"path": "/readyz", "port": "metrics"},
    }


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        pytest.param({}, f"here/it:{APP_VERSION}", id="neither tag nor digest: the chart's appVersion"),
        pytest.param({"tag": "dev"}, "here/it:dev", id="a tag"),
        pytest.param({"digest": DIGEST}, f"here/it@{DIGEST}", id="a digest"),
        pytest.param({"tag": "dev", "digest": DIGEST}, f"here/it@{DIGEST}", id="both: the digest wins"),
    ],
)
def test_images_are_named_by_tag_or_digest(helm: Helm, image: dict[str, str], reference: str) -> None:
    rendered = helm.render(image={"repository": "here/it", **image}, trialImage={"repository": "here/it", **image})
    assert rendered.container["image"] == reference
    assert rendered.environment["LUTHIER_TRIAL_IMAGE"] == reference


def test_no_image_is_named_but_by_the_values(helm: Helm) -> None:
    text = helm.manifests(image={"repository": "one/operator"}, trialImage={"repository": "two/trial"})
    named = [line.split("image: ")[1].strip('"') for line in text.splitlines() if line.strip().startswith("image: ")]
    assert named == [f"one/operator:{APP_VERSION}"]


def test_pull_policies_and_secrets_are_passed_on(helm: Helm) -> None:
    rendered = helm.render(
        image={"pullPolicy": "Always"}, trialImage={"pullPolicy": "Never"}, imagePullSecrets=[{"name": "registry"}]
    )
    assert rendered.container["imagePullPolicy"] == "Always"
    assert rendered.environment["LUTHIER_IMAGE_PULL_POLICY"] == "Never"
    assert rendered.pod["imagePullSecrets"] == [{"name": "registry"}]


def test_scheduling_and_metadata_are_passed_on(helm: Helm) -> None:
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    scheduling: dict[str, Any] = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [spread],
        "priorityClassName": "system-cluster-critical",
    }
    rendered = helm.render(**scheduling, podLabels={"team": "ml"}, podAnnotations={"note": "x"}, env=[{"name": "A"}])
    assert {key: rendered.pod[key] for key in scheduling} == scheduling
    metadata = rendered.one("Deployment")["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "ml"
    assert metadata["annotations"]["note"] == "x"
    assert {"name": "A"} in rendered.container["env"]


def test_every_selector_finds_the_pod_and_only_it(defaults: Rendered) -> None:
    deployment = defaults.one("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        defaults.one("Service")["spec"]["selector"],
        defaults.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        defaults.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert "app.kubernetes.io/version" not in selector


def test_only_scrapes_come_in_and_only_the_needed_goes_out(defaults: Rendered) -> None:
    policy = defaults.one("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": [{"port": "metrics"}]}]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 6443, PORT_PROGRESS}


def test_a_namespaced_operator_reaches_drivers_in_its_namespaces_only(namespaced: Rendered) -> None:
    (drivers,) = namespaced.one("NetworkPolicy")["spec"]["egress"][-1]["to"]
    assert drivers["podSelector"] == {"matchLabels": {"luthier.dev/role": "driver"}}
    assert drivers["namespaceSelector"]["matchExpressions"] == [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a", "team-b"]}
    ]


def test_ways_in_and_out_can_be_narrowed(helm: Helm) -> None:
    peer = {"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}
    policy = helm.render(
        networkPolicy={"metricsFrom": [peer], "apiServer": {"ports": [6443], "cidrs": ["10.0.0.10/32"]}}
    ).one("NetworkPolicy")["spec"]
    assert policy["ingress"][0]["from"] == [peer]
    assert {"ports": [{"port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.10/32"}}]} in policy["egress"]


def test_drivers_are_reached_by_the_operator_and_by_those_that_are_named(defaults: Rendered, helm: Helm) -> None:
    (operator,) = json.loads(defaults.environment["LUTHIER_DRIVER_CLIENTS"])
    assert operator["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    labels = defaults.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert operator["podSelector"]["matchLabels"].items() <= labels.items()

    peer = {"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}
    named = helm.render(networkPolicy={"experiments": {"metricsFrom": [peer]}})
    assert json.loads(named.environment["LUTHIER_DRIVER_CLIENTS"]) == [operator, peer]


def test_without_policies_for_experiments_the_operator_may_make_none(helm: Helm) -> None:
    rendered = helm.render(networkPolicy={"experiments": {"enabled": False}})
    assert "LUTHIER_DRIVER_CLIENTS" not in rendered.environment
    assert rendered.verbs("networkpolicies") == set()


@pytest.mark.parametrize(
    ("value", "kind"), [("networkPolicy", "NetworkPolicy"), ("podDisruptionBudget", "PodDisruptionBudget")]
)
def test_what_stands_around_it_can_be_left_out(helm: Helm, value: str, kind: str) -> None:
    assert kind not in helm.render(**{value: {"enabled": False}}).kinds()


def test_extra_objects_come_along_as_templates(helm: Helm) -> None:
    as_text = "kind: Widget\nmetadata: {name: '{{ .Release.Name }}-text'}"
    as_yaml = {"kind": "Widget", "metadata": {"name": "{{ .Release.Name }}-yaml"}}
    widgets = helm.render(extraObjects=[as_text, as_yaml]).all("Widget")
    assert [widget["metadata"]["name"] for widget in widgets] == ["tuning-text", "tuning-yaml"]


@pytest.mark.parametrize(
    ("values", "name"),
    [({}, "tuning-luthier"), ({"nameOverride": "tuning"}, "tuning"), ({"fullnameOverride": "other"}, "other")],
)
def test_names_come_from_the_release(helm: Helm, values: dict[str, Any], name: str) -> None:
    assert helm.render(**values).one("Deployment")["metadata"]["name"] == name


def test_every_object_is_labelled(defaults: Rendered) -> None:
    for found in defaults.objects:
        assert found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "luthier", found["kind"]
        assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", found["kind"]
