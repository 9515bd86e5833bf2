"""The notes after an installation: a first experiment that works, and how to go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chart.rendering import CHART, Helm, read_yaml
from luthier.api import manifest

pytestmark = pytest.mark.chart

FIRST = (CHART / "files" / "first-experiment.yaml").read_text()


def applied(notes: str) -> str:
    """The text between the markers of the shell's here-document."""
    return notes.split("<<'EOF'\n")[1].split("\nEOF\n")[0] + "\n"


def test_the_first_experiment_can_be_pasted_into_a_shell(helm: Helm, tmp_path: Path) -> None:
    assert applied(helm.notes(tmp_path / "chart")) == FIRST


def test_the_first_experiment_is_sound() -> None:
    (first,) = read_yaml(FIRST)
    manifest.parse(first)


def test_the_catalogue_shows_the_same_first_experiment() -> None:
    (chart,) = read_yaml((CHART / "Chart.yaml").read_text())
    assert read_yaml(chart["annotations"]["artifacthub.io/crdsExamples"]) == [read_yaml(FIRST)]


@pytest.mark.parametrize(
    "command",
    [
        "rollout status deployment/tuning-luthier",
        "get tx first --watch",
        "wait tx/first --for=condition=Succeeded",
        "describe tx first",
        "kubectl explain tx.spec.parameters",
    ],
)
def test_the_notes_teach(helm: Helm, tmp_path: Path, command: str) -> None:
    assert command in helm.notes(tmp_path / "chart")


def test_the_notes_stay_in_the_watched_namespaces(helm: Helm, tmp_path: Path) -> None:
    notes = helm.notes(tmp_path / "chart", watchNamespaces=["team-a", "team-b"])
    assert "TuningExperiments of team-a, team-b." in notes
    assert "kubectl --namespace team-a apply" in notes
    assert "--namespace default" not in notes


def test_the_notes_say_what_an_uninstall_leaves(helm: Helm, tmp_path: Path) -> None:
    assert "delete crd" in helm.notes(tmp_path / "kept")
    assert "delete crd" not in helm.notes(tmp_path / "gone", crds={"keep": False})


def test_every_field_that_the_notes_explain_exists(helm: Helm) -> None:
    definition = helm.render().one("CustomResourceDefinition")
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert {"parameters", "scheduler", "trial"} <= set(spec["properties"]), json.dumps(spec)[:200]
