"""Dashboards and alerts ask only for series that the operator's page, a driver's page, or a known exporter has."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from ruamel.yaml import YAML

from dashboards.queries import all_questions
from luthier.api.experiment import DriverMetrics
from luthier.operator.cache import Cache
from luthier.operator.metrics import Arrivals, OperatorCollector, Rounds
from luthier.operator.page import ExperimentPage
from luthier.trial import snapshot
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.reporting import make_report
from support.builders import a_double, a_spec
from support.studies import ToldStudy
from target import ROOT

ALERTS = ROOT / "helm" / "luthier" / "files" / "alerts.yaml"
NAME = re.compile(r"\b(?:luthier|process|DCGM)_\w+")
HELP = re.compile(r"^# (?:HELP|TYPE) (\w+)", re.MULTILINE)
OF_OTHERS = {
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
}


def names_on(page: bytes) -> set[str]:
    found = set(HELP.findall(page.decode()))
    return found | {f"{name}_{part}" for name in found for part in ("bucket", "count", "sum")}


def operators_page() -> bytes:
    registry = CollectorRegistry()
    Rounds(registry)
    Arrivals(registry)
    registry.register(OperatorCollector(lambda: True))
    return generate_latest(registry) + ExperimentPage(Cache(), lambda: True).render()


def drivers_page() -> bytes:
    told = ToldStudy(a_spec(a_double("x"), trials=4, iterations=8, scheduler={"pbt": {}})).begins()
    report = make_report(told.study, uid="u", attempt=1, sequence=1, now=told.now)
    page = DriverPage(lambda: report)
    page.begin("digits", DriverMetrics.FULL)
    page.show(snapshot.take(told.study, {}, with_trials=True))
    rendered = page.render()
    assert rendered is not None
    return rendered


@pytest.fixture(scope="module")
def had() -> set[str]:
    return names_on(operators_page()) | names_on(drivers_page()) | OF_OTHERS


def test_dashboards_ask_only_for_series_that_there_are(had: set[str]) -> None:
    asked = {name for question in all_questions() for name in NAME.findall(question.expr)}
    assert asked - had == set()
    assert len(asked) > 40


def test_alerts_ask_only_for_series_that_there_are(had: set[str]) -> None:
    rules = [rule for group in YAML(typ="safe").load(ALERTS)["groups"] for rule in group["rules"]]
    assert {name for rule in rules for name in NAME.findall(rule["expr"])} - had == set()
