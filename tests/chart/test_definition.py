"""The TuningExperiment definition in the chart: the generated one, kept on uninstall, upgraded with the chart."""

from __future__ import annotations

import pytest

from chart.rendering import CHART, ROOT, Helm, Rendered, read_yaml
from luthier.api import keys

pytestmark = pytest.mark.chart

GENERATED = ROOT / "crds" / "tuningexperiments.yaml"


def test_the_charts_file_is_the_generated_one() -> None:
    assert (CHART / "files" / "tuningexperiments.yaml").read_bytes() == GENERATED.read_bytes()


def test_the_schema_reaches_the_cluster_unchanged(defaults: Rendered) -> None:
    (generated,) = read_yaml(GENERATED.read_text())
    rendered = defaults.one("CustomResourceDefinition")
    assert rendered["spec"] == generated["spec"]
    assert rendered["metadata"]["name"] == generated["metadata"]["name"] == f"{keys.PLURAL}.{keys.GROUP}"


def test_an_uninstall_keeps_it_unless_told_otherwise(defaults: Rendered, helm: Helm) -> None:
    kept = defaults.one("CustomResourceDefinition")
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in helm.render(crds={"keep": False}).one("CustomResourceDefinition")["metadata"]


def test_it_can_be_left_to_somebody_else(helm: Helm) -> None:
    assert helm.render(crds={"enabled": False}).all("CustomResourceDefinition") == []


def test_it_does_not_lie_where_helm_would_never_upgrade_it() -> None:
    assert not (CHART / "crds").exists()
