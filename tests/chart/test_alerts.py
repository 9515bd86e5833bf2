"""The alerts: valid, tested by promtool, each with a page that says what to do, and changed by the values."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from chart.rendering import CHART, ROOT, Helm, read_yaml

pytestmark = pytest.mark.chart

FILE = CHART / "files" / "alerts.yaml"
CASES = Path(__file__).parent / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"
(RULES,) = read_yaml(FILE.read_text())
(VALUES,) = read_yaml((CHART / "values.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
THRESHOLD = re.compile(r"[<>] ([0-9.]+)$")


@pytest.fixture(scope="session")
def promtool() -> str:
    """Debian's promtool, fetched once by the development cluster's command."""
    command = [str(ROOT / "dev" / "cluster"), "prometheus"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip() + "/promtool"


def rendered_rules(helm: Helm, **rule_values: Any) -> list[dict[str, Any]]:
    rendered = helm.render(monitoring={"prometheusRule": {"enabled": True, **rule_values}})
    groups: list[dict[str, Any]] = rendered.one("PrometheusRule")["spec"]["groups"]
    return groups


def by_name(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_and_stays_silent_as_its_cases_say(name: str, promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", str(CASES / f"{name}.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_there_is_a_case_in_which_an_alert_fires_and_one_in_which_it_is_silent(name: str) -> None:
    (cases,) = read_yaml((CASES / f"{name}.yaml").read_text())
    asked = [question for case in cases["tests"] for question in case["alert_rule_test"]]
    assert {question["alertname"] for question in asked} == {name}
    assert {bool(question["exp_alerts"]) for question in asked} == {True, False}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_summary_and_a_page_that_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert f"Severity: {rule['labels']['severity']}." in page
    assert "## What to do" in page


def test_there_is_no_page_and_no_case_without_an_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == set(ALERTS)
    assert {case.stem for case in CASES.glob("*.yaml")} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_the_values_show_what_the_file_says(name: str) -> None:
    rule = ALERTS[name]
    shown = dict(VALUES["monitoring"]["prometheusRule"]["alerts"][name])
    threshold = shown.pop("threshold", None)
    assert shown == {"enabled": True, "for": rule["for"], "severity": rule["labels"]["severity"]}
    found = THRESHOLD.search(rule["expr"])
    assert threshold == (float(found[1]) if found else None)


def test_the_chart_gives_the_file_as_it_is(helm: Helm) -> None:
    assert rendered_rules(helm) == RULES["groups"]


def test_values_change_an_alert_and_promtool_takes_the_outcome(helm: Helm, promtool: str, tmp_path: Path) -> None:
    groups = rendered_rules(
        helm,
        runbooks="https://git.example/runbooks/",
        alerts={
            "LuthierNoResult": {"threshold": 7200, "for": "30s", "severity": "page"},
            "LuthierTrialFailures": {"threshold": 0.5},
            "LuthierNoImprovement": {"threshold": 2_592_000},
            "LuthierGpuIdle": {"enabled": False},
        },
    )
    rules = by_name(groups)
    assert rules["LuthierNoResult"]["expr"] == re.sub(r"3600$", "7200", ALERTS["LuthierNoResult"]["expr"])
    assert rules["LuthierNoResult"]["for"] == "30s"
    assert rules["LuthierNoResult"]["labels"] == {"severity": "page"}
    assert rules["LuthierNoResult"]["annotations"]["runbook_url"] == "https://git.example/runbooks/LuthierNoResult.md"
    assert rules["LuthierTrialFailures"]["expr"].endswith("> 0.5")
    assert set(rules) == set(ALERTS) - {"LuthierGpuIdle"}
    file = tmp_path / "rules.yaml"
    with file.open("w") as out:
        YAML().dump({"groups": groups}, out)
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_any_alert_there_is_no_empty_group(helm: Helm) -> None:
    off = {name: {"enabled": False} for name in ALERTS}
    assert rendered_rules(helm, alerts=off) == []
