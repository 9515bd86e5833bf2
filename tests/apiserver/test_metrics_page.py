"""The pages as Prometheus' own tool judges them: names, units, types and help."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from luthier.api.experiment import DriverMetrics
from luthier.operator.metrics import Arrivals, OperatorCollector, Rounds
from luthier.trial import snapshot
from luthier.trial.driver_metrics import DriverPage
from luthier.trial.reporting import make_report
from luthier.trial.search.random import RandomSearcher
from support.apiserver import ROOT
from support.builders import a_categorical, a_double, a_spec
from support.operator_series import a_body, a_full_status, a_page, cached
from support.studies import ToldStudy

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def promtool() -> str:
    command = [str(ROOT / "dev" / "cluster"), "prometheus"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip() + "/promtool"


def complaints(promtool: str, page: bytes) -> str:
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True)
    return (done.stdout + done.stderr).decode() if done.returncode else ""


def test_promtool_has_nothing_to_say_about_the_operator_s_page(promtool: str) -> None:
    cache, registry = cached(a_body(a_full_status(), budget={"trials": 8, "gpuHours": 2})), CollectorRegistry()
    rounds, arrivals = Rounds(registry), Arrivals(registry)
    with rounds.measured():
        rounds.count_error("Conflict")
    rounds.count_lag(0.1)
    rounds.count_request("GET", "200")
    arrivals.count_wait(3)
    arrivals.count_startup(20)
    registry.register(OperatorCollector(lambda: True))
    page = generate_latest(registry) + a_page(cache).render()
    assert complaints(promtool, page) == ""


def test_promtool_has_nothing_to_say_about_a_driver_s_page(promtool: str) -> None:
    told = ToldStudy(a_spec(a_double("x"), a_categorical(), scheduler={"pbt": {"perturbationInterval": 2}})).begins()
    for name in told.starts_all():
        told.reports(name, 0.5)
    report = make_report(told.study, uid="u", attempt=1, sequence=1, now=told.now)
    page = DriverPage(lambda: report)
    page.begin("digits", DriverMetrics.FULL)
    page.timed(RandomSearcher(told.spec)).suggest("t0000")
    page.show(snapshot.take(told.study, {"CPU": (4.0, 1.0)}, with_trials=True))
    assert complaints(promtool, page.render() or b"") == ""


def test_promtool_does_complain_of_a_bad_page(promtool: str) -> None:
    assert "no help text" in complaints(promtool, b"# TYPE waits_ms gauge\nwaits_ms 3\n")
