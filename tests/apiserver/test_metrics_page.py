"""The pages as Prometheus' own tool judges them: names, units, types and help."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from luthier.operator.metrics import Arrivals, FleetCollector, Rounds
from support.apiserver import ROOT
from support.operator_series import a_body, a_full_status, a_page, cached

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
    registry.register(FleetCollector(cache, lambda: True))
    page = generate_latest(registry) + a_page(cache).render()
    assert complaints(promtool, page) == ""


def test_promtool_does_complain_of_a_bad_page(promtool: str) -> None:
    assert "no help text" in complaints(promtool, b"# TYPE waits_ms gauge\nwaits_ms 3\n")
