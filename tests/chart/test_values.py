"""The values: every one is described, every default is in the schema, and a typing error is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chart.rendering import CHART, Helm, RefusalError, read_yaml

pytestmark = pytest.mark.chart

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
(VALUES,) = read_yaml((CHART / "values.yaml").read_text())
FOR_PARENT_CHARTS = {"enabled", "global"}


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    name = node["$ref"].removeprefix("#/definitions/")
    return {**SCHEMA["definitions"][name], **{key: value for key, value in node.items() if key != "$ref"}}


def properties(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property below a node of the schema, with its dotted path."""
    for name, raw in resolve(node).get("properties", {}).items():
        found = resolve(raw)
        here = f"{path}.{name}".lstrip(".")
        yield here, found
        yield from properties(found, here)
        yield from properties(found.get("items", {}), f"{here}[]")


def test_every_value_is_described() -> None:
    assert [path for path, node in properties(SCHEMA) if len(node.get("description", "")) < 10] == []


def test_no_object_of_the_charts_own_takes_unknown_keys() -> None:
    own = [(path, node) for path, node in properties(SCHEMA) if "properties" in node]
    assert [path for path, node in [("", SCHEMA), *own] if node.get("additionalProperties") is not False] == []


def test_what_takes_any_key_says_which_type_of_kubernetes_it_is() -> None:
    open_values = {path for path, node in properties(SCHEMA) if node.get("additionalProperties") is True}
    assert open_values == {"affinity", "global"}


def test_values_and_schema_name_the_same_keys() -> None:
    assert set(VALUES) == set(SCHEMA["properties"]) - FOR_PARENT_CHARTS
    for name, value in VALUES.items():
        known = resolve(SCHEMA["properties"][name]).get("properties")
        if known is not None:
            assert set(value) == set(known), name


def alert(name: str, **values: Any) -> dict[str, Any]:
    return {"monitoring": {"prometheusRule": {"alerts": {name: values}}}}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param({"replicaCount": 2}, "replicaCount", id="a value that does not exist"),
        pytest.param({"image": {"tags": "1"}}, "tags", id="a nested value that does not exist"),
        pytest.param({"image": {"digest": "sha256:beef"}}, "digest", id="a digest that is none"),
        pytest.param({"image": {"repository": "operator@sha256:beef"}}, "repository", id="a digest in the name"),
        pytest.param({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy", id="a pull policy that does not exist"),
        pytest.param({"watchNamespaces": "team-a"}, "watchNamespaces", id="one namespace as a string"),
        pytest.param({"watchNamespaces": ["Team_A"]}, "watchNamespaces", id="a namespace that can't exist"),
        pytest.param({"watchNamespaces": ["a", "a"]}, "watchNamespaces", id="a namespace twice"),
        pytest.param({"runAsUser": 0}, "runAsUser", id="root"),
        pytest.param({"networkPolicy": {"apiServer": {"ports": []}}}, "ports", id="no way to the API server"),
        pytest.param(alert("LuthierBored", enabled=True), "LuthierBored", id="an alert that does not exist"),
        pytest.param(alert("LuthierNoResult", threshold="1h"), "threshold", id="a threshold in words"),
        pytest.param(alert("LuthierOperatorAbsent", threshold=1), "threshold", id="a threshold where there is none"),
        pytest.param({"monitoring": {"podMonitor": {"interval": "15"}}}, "interval", id="an interval without a unit"),
        pytest.param({"monitoring": {"prometheusRule": {"runbooks": "a/b"}}}, "runbooks", id="no folder of runbooks"),
        pytest.param({"podDisruptionBudget": {"maxUnavailable": "one"}}, "maxUnavailable", id="a number in words"),
    ],
)
def test_wrong_values_are_refused(helm: Helm, values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RefusalError, match=complaint):
        helm.render(**values)


def test_a_parent_chart_may_pass_its_own_values(helm: Helm) -> None:
    helm.render(**{"enabled": True, "global": {"imageRegistry": "anything"}})


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["team-a"], "crds": {"enabled": False}}])
def test_lint_is_content(helm: Helm, values: dict[str, Any]) -> None:
    assert "0 chart(s) failed" in helm.lint(**values)
