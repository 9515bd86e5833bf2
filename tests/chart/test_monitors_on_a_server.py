"""Monitors and rules as a cluster with the Prometheus operator takes them: judged by its own definitions."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import NAMESPACE, ROOT, Helm, Object
from chart.server import CommandError, Server, real_server

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

KINDS = ("servicemonitors", "podmonitors", "prometheusrules")
SETTINGS = {
    "as the chart has them": {},
    "with all that can be set": {
        "labels": {"release": "kube-prometheus-stack"},
        "serviceMonitor": {"interval": "15s"},
        "podMonitor": {"interval": "1m"},
        "prometheusRule": {
            "runbooks": "https://git.example/runbooks/",
            "alerts": {"LuthierGpuIdle": {"for": "1h", "severity": "critical", "threshold": 20}},
        },
    },
}


@pytest.fixture(scope="module")
def server(helm: Helm) -> Iterator[Server]:
    """A server that knows the Prometheus operator's objects, and has no such operator."""
    command = [str(ROOT / "dev" / "cluster"), "prometheus-operator"]
    folder = Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    with real_server(helm.program.parent) as started:
        started.create_namespace(NAMESPACE)
        for kind in KINDS:
            started.kubectl("apply", "--server-side", "--filename", str(folder / f"monitoring.coreos.com_{kind}.yaml"))
            started.kubectl("wait", "--for=condition=Established", f"crd/{kind}.monitoring.coreos.com", "--timeout=10s")
        yield started


def monitors(helm: Helm, **settings: Any) -> dict[str, Object]:
    """Return the three objects by their kinds, all switched on."""
    switched = {
        name: {**settings.pop(name, {}), "enabled": True} for name in ("serviceMonitor", "podMonitor", "prometheusRule")
    }
    rendered = helm.render(monitoring={**switched, **settings})
    return {kind: rendered.one(kind) for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")}


def apply(server: Server, manifest: Object) -> Object:
    arguments = ["apply", "--server-side", "--force-conflicts", "--validate=strict", "--output=json", "--filename", "-"]
    kept: Object = json.loads(server.kubectl(*arguments, stdin=json.dumps(manifest)))
    return kept


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_definitions_know_every_field_and_keep_it(settings: Object, helm: Helm, server: Server) -> None:
    for manifest in monitors(helm, **copy.deepcopy(settings)).values():
        kept = apply(server, manifest)
        assert kept["spec"] == manifest["spec"]
        assert manifest["metadata"]["labels"].items() <= kept["metadata"]["labels"].items()


def rename_the_endpoints(spec: Object) -> None:
    spec["endpoint"] = spec.pop("endpoints")


def give_a_port_a_number(spec: Object) -> None:
    spec["podMetricsEndpoints"][0]["port"] = 8077


def spell_a_duration_out(spec: Object) -> None:
    spec["groups"][0]["rules"][0]["for"] = "five minutes"


@pytest.mark.parametrize(
    ("kind", "spoil", "sentence"),
    [
        ("ServiceMonitor", rename_the_endpoints, "field not declared in schema"),
        ("PodMonitor", give_a_port_a_number, "expected string"),
        ("PrometheusRule", spell_a_duration_out, "should match"),
    ],
    ids=["an unknown field", "a number for a word", "a duration that is none"],
)
def test_the_definitions_refuse_what_is_wrong(
    kind: str, spoil: Callable[[Object], None], sentence: str, helm: Helm, server: Server
) -> None:
    manifest = monitors(helm)[kind]
    spoil(manifest["spec"])
    with pytest.raises(CommandError, match=sentence):
        apply(server, manifest)
