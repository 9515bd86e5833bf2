"""A real Prometheus scrapes real experiments: every panel shows something, every alert is understood, one fires.

It is configured by the chart's own monitors and rules, as the Prometheus operator would do it.
"""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboards.queries import Question, all_questions, filled
from install import NAMESPACE, Installed
from scraping.process import programs, prometheus_of_chart
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, a_place, moment
from support.e2e_wait import until
from support.prometheus import Running

ALERT = "LuthierExperimentStalled"
POPULATION, RUNGS, ABSENT = "population", "rungs", "absent"
EXPERIMENTS = (POPULATION, RUNGS, ABSENT)
NOT_HERE = {
    "GPU utilisation": "there is no DCGM exporter",
    "GPU memory": "there is no DCGM exporter",
    "mark Driver lost": "no driver is lost",
}
"""Queries that can have no answer here; Prometheus still has to understand them."""
FILLED = {"__rate_interval": "20s", "metric": "height", "parameter": ".+"}
STALL_SECONDS = 90
COUNTED: list[Json] = [
    {"name": "pause", "type": "Discrete", "numbers": [0.4]},
    {"name": "rate", "type": "Double", "min": 0.1, "max": 1.0},
]
UNEVEN: Json = {"objectives": [{"metric": "height", "direction": "Maximize"}], "driver": {"metrics": "Full"}}
FALLING = [(0.9, "sound"), (0.8, "cracked"), (0.6, "sound"), (0.4, "sound"), (0.2, "sound"), (0.1, "sound")]
"""Rate and grade of each trial of the rungs: one fails, and the last ones are stopped."""


def population() -> Json:
    return steady(
        POPULATION,
        **UNEVEN,
        parameters=[*COUNTED, {"name": "grade", "type": "Categorical", "values": ["sound", "whole"]}],
        search={"algorithm": "Random", "seed": 1},
        scheduler={"pbt": {"perturbationInterval": 2}},
        budget={"trials": 4, "parallelTrials": 2, "iterationsPerTrial": 16, "durationSeconds": 900, "gpuHours": 1},
        trial={
            "function": "steady:Uneven",
            "resources": {"cpu": 0.1, "gpu": 1},
            "checkpointInterval": 2,
        },
        workers={"max": 2},
    )


def rungs() -> Json:
    return steady(
        RUNGS,
        **UNEVEN,
        parameters=[*COUNTED, {"name": "grade", "type": "Categorical", "values": ["sound", "cracked"]}],
        search={
            "algorithm": "Random",
            "seed": 1,
            "initialPoints": [{"values": {"pause": 0.4, "rate": rate, "grade": grade}} for rate, grade in FALLING],
        },
        scheduler={"asha": {"gracePeriod": 3, "reductionFactor": 2}},
        budget={"trials": 6, "parallelTrials": 2, "iterationsPerTrial": 12},
        trial={
            "function": "steady:Uneven",
            "resources": {"cpu": 0.1, "gpu": 1},
            "checkpointInterval": 1,
            "retries": 1,
        },
    )


def absent() -> Json:
    return steady(ABSENT, trial={"image": "localhost/nobody/built:this"})


@contextmanager
def scraping(cluster: Installed, folder: Path) -> Iterator[Running]:
    """A Prometheus that is configured by the chart and has seen the operator."""
    with prometheus_of_chart(cluster, folder, f"monitoring.prometheusRule.alerts.{ALERT}.for=5s") as address:
        made = Running(address)
        until("the operator is scraped", lambda: made.newest("luthier_operator_leader == 1", moment()), within=60)
        yield made


@dataclass(frozen=True)
class Shown:
    """What was scraped from before the first experiment until all had ended or stalled."""

    prometheus: Running
    namespace: str
    begin: float
    end: float
    pages: dict[str, str]
    firing: list[Json]

    def answers(self, question: Question) -> bool:
        """Tell whether a query had a number at some point, for one of the experiments where it is about one."""
        namespace = NAMESPACE if question.board == "operator" else self.namespace
        for experiment in EXPERIMENTS if "$experiment" in question.expr else EXPERIMENTS[:1]:
            expr = filled(question.expr, {**FILLED, "namespace": namespace, "experiment": experiment})
            if self.prometheus.had_numbers(expr, self.begin, self.end):
                return True
        return False


@pytest.fixture(scope="module")
def shown(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("prometheus")
    with scraping(installed, folder) as prometheus, a_place(installed, "prometheus") as place:
        begin = moment()
        place.apply(population(), rungs(), absent())
        pages = {"operator": _page(_operator(prometheus))}
        until("both drivers showed their trials", lambda: _have_shown(prometheus, place, pages), within=120)
        for name in (POPULATION, RUNGS):
            place.wait_for(name, "Succeeded")
        firing = until("the alert fires", lambda: _firing(prometheus, place), within=STALL_SECONDS)
        until("the end was scraped", lambda: _has_ended(prometheus, place), within=30)
        yield Shown(prometheus, place.name, begin, moment(), pages, firing)
        place.check_that_deletion_leaves_nothing()


def _have_shown(prometheus: Running, place: Place, pages: dict[str, str]) -> bool:
    """Keep the first page of each driver that shows trials; one may have ended before the other begins."""
    for target in prometheus.targets():
        name = target["labels"]["pod"].split("-")[0]
        if target["labels"]["namespace"] == place.name and target["health"] == "up" and name not in pages:
            with suppress(OSError):  # it ended just now
                page = _page(target["scrapeUrl"])
                if "luthier_driver_trial_metric{" in page:
                    pages[name] = page
    return {POPULATION, RUNGS} <= pages.keys()


def _operator(prometheus: Running) -> str:
    return next(t["scrapeUrl"] for t in prometheus.targets() if t["labels"]["namespace"] == NAMESPACE)


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read(), "utf-8")


def _firing(prometheus: Running, place: Place) -> list[Json]:
    alerts = prometheus.alerts(ALERT)
    return [a for a in alerts if a["state"] == "firing" and a["labels"]["namespace"] == place.name]


def _has_ended(prometheus: Running, place: Place) -> bool:
    ended = f'luthier_experiment_state{{namespace="{place.name}", state="Succeeded"}} == 1'
    return len(prometheus.newest(ended, moment())) == 2


@pytest.mark.parametrize("question", [q for q in all_questions() if q.panel not in NOT_HERE], ids=str)
def test_a_panels_query_has_an_answer(shown: Shown, question: Question) -> None:
    assert shown.answers(question), question.expr


@pytest.mark.parametrize("question", [q for q in all_questions() if q.panel in NOT_HERE], ids=str)
def test_a_query_without_an_answer_here_is_understood(shown: Shown, question: Question) -> None:
    assert not shown.answers(question)


def test_every_alert_is_understood_and_evaluated(shown: Shown) -> None:
    rules = shown.prometheus.rules()
    assert len(rules) == 10
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_an_image_that_is_not_there_is_told_as_a_stall_with_its_reason(shown: Shown) -> None:
    (alert,) = shown.firing
    assert alert["labels"] == {
        "alertname": ALERT,
        "namespace": shown.namespace,
        "experiment": ABSENT,
        "reason": "ImagePull",
        "severity": "warning",
    }
    assert alert["annotations"]["summary"] == f"{shown.namespace}/{ABSENT} is stalled: ImagePull."


@pytest.mark.parametrize("page", ["operator", POPULATION, RUNGS])
def test_promtool_finds_nothing_to_say_of_a_page(shown: Shown, page: str) -> None:
    command = [str(programs() / "promtool"), "check", "metrics"]
    done = subprocess.run(command, input=shown.pages[page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
