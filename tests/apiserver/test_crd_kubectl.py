"""What a user sees with nothing but kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.apiserver import ROOT, Experiments, Kubectl
from support.bad_manifests import a_manifest

pytestmark = pytest.mark.apiserver

DEFINITION = str(ROOT / "crds" / "tuningexperiments.yaml")
STATUS = {
    "state": "Running",
    "done": "12/16",
    "trials": {"running": 2, "failed": 1},
    "best": {"trial": "t0007", "iteration": 9},
    "attempt": 2,
    "restarts": 1,
    "message": "2 pods wait for a GPU.",
    "stalled": "Unschedulable",
    "bestValue": "0.985",
    "gpuHours": "3.5",
    "eta": "4m",
    "conditions": [
        {
            "type": "Stalled",
            "status": "True",
            "reason": "Unschedulable",
            "message": "2 pods wait for a GPU.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
}


@pytest.fixture
def running(experiments: Experiments) -> Iterator[str]:
    """Name of an experiment whose status is full."""
    experiments.create(a_manifest("digits"))
    experiments.patch_status("digits", STATUS)
    yield "digits"
    experiments.delete("digits")


def test_plain_apply_takes_the_definition_again_and_again(kubectl: Kubectl) -> None:
    kubectl("apply", "--filename", DEFINITION)
    stored = json.loads(kubectl("get", "--filename", DEFINITION, "--output", "json"))
    assert len(stored["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]) < 256 * 1024
    assert {"NamesAccepted", "Established"} == {
        condition["type"] for condition in stored["status"]["conditions"] if condition["status"] == "True"
    }


def test_one_line_says_how_good_how_far_and_what_it_costs(kubectl: Kubectl, running: str) -> None:
    header, line = kubectl("get", "tx", running).splitlines()
    assert header.split() == ["NAME", "STATE", "TRIALS", "RUNNING", "BEST", "GPU-HOURS", "ETA", "AGE"]
    assert line.split()[:-1] == ["digits", "Running", "12/16", "2", "0.985", "3.5", "4m"]


def test_the_wide_line_adds_how_it_searches_and_why_it_is_stuck(kubectl: Kubectl, running: str) -> None:
    header, line = kubectl("get", "tx", running, "--output", "wide").splitlines()
    names = ["ALGORITHM", "METRIC", "BEST-TRIAL", "FAILED", "ATTEMPT", "RESTARTS", "STALLED", "MESSAGE"]
    values = ["TPE", "accuracy", "t0007", "1", "2", "1", "Unschedulable", STATUS["message"]]
    assert header.split()[8:] == names
    assert line.split(maxsplit=15)[8:] == values


def test_the_wide_line_has_no_word_for_a_stall_that_is_over(
    kubectl: Kubectl, experiments: Experiments, running: str
) -> None:
    over = STATUS["conditions"][0] | {"status": "False", "reason": "Progressing"}
    experiments.patch_status(running, {"conditions": [over], "stalled": None})
    header, line = kubectl("get", "tx", running, "--output", "wide").splitlines()
    assert line[header.index("STALLED") : header.index("MESSAGE")].strip() == ""


def test_the_category_finds_it(kubectl: Kubectl, running: str) -> None:
    assert running in kubectl("get", "tuning")


def test_the_category_all_is_left_alone(kubectl: Kubectl, running: str) -> None:
    assert running not in kubectl("get", "all")


def test_kubectl_can_wait_for_a_condition(kubectl: Kubectl, running: str) -> None:
    assert "condition met" in kubectl("wait", "--for=condition=Stalled", "--timeout=5s", f"tx/{running}")


@pytest.mark.parametrize(
    ("path", "taught"),
    [
        ("tx", "A hyperparameter tuning experiment"),
        ("tx.spec.parameters", "Distance between neighbouring values, counted from `min`"),
        ("tx.spec.parameters.scale", "Default: Linear. Example: `Log`."),
        ("tx.spec.search.algorithm", "Random, Grid, Sobol, TPE, GP (needs an image with torch) or CMAES"),
        ("tx.spec.scheduler.pbt", "Iterations between two looks at a member. Default: 4."),
        ("tx.status.best", "Iteration at which the metrics were reported"),
    ],
)
def test_explain_teaches(kubectl: Kubectl, path: str, taught: str) -> None:
    said = " ".join(kubectl("explain", path).split())
    assert taught in said
    assert "<no description>" not in said
