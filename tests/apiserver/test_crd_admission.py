"""What the API server itself refuses and fills in: no webhook, no operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from luthier.api import manifest
from support.apiserver import ROOT, Experiments, Kubectl, Refused
from support.bad_manifests import BAD_MANIFESTS, LATER_REFUSED, Bad, a_manifest, changed

pytestmark = pytest.mark.apiserver

EXAMPLES = sorted(ROOT.glob("examples/*/experiment.yaml"))


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.sentence)
def test_the_server_names_field_and_rule(experiments: Experiments, bad: Bad) -> None:
    with pytest.raises(Refused) as refusal:
        experiments.create(bad.manifest, dry_run=True)
    assert bad.field in str(refusal.value)
    assert bad.server_rule in str(refusal.value)


@pytest.mark.parametrize("bad", LATER_REFUSED, ids=lambda bad: bad.sentence)
def test_what_cel_cannot_say_is_left_to_the_operator(experiments: Experiments, bad: Bad) -> None:
    experiments.create(bad.manifest, dry_run=True)


def test_a_good_manifest_is_taken(experiments: Experiments) -> None:
    experiments.create(a_manifest(), dry_run=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_is_taken(kubectl: Kubectl, path: Path) -> None:
    kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", str(path))


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_defaults_are_filled_in_as_the_models_have_them(experiments: Experiments) -> None:
    least: dict[str, Any] = {
        "objectives": [{"metric": "loss", "direction": "Minimize"}],
        "parameters": [{"name": "x", "type": "Double", "min": 0, "max": 1}],
        "trial": {"function": "train:train"},
    }
    stored = experiments.create({**a_manifest(), "spec": least}, dry_run=True)["spec"]
    assert stored["search"] == {"algorithm": "Random", "seed": 0, "settings": {}}
    assert stored["budget"] == {"trials": 10, "parallelTrials": 1, "failedTrials": 3, "stop": False}
    assert stored["trial"]["resources"] == {"cpu": 1, "gpu": 0}
    assert stored["parameters"][0]["scale"] == "Linear"
    assert stored["suspend"] is False
    assert manifest.parse({**a_manifest(), "spec": stored}) == manifest.parse({**a_manifest(), "spec": least})


def test_a_status_given_at_creation_is_ignored(experiments: Experiments) -> None:
    created = experiments.create({**a_manifest("with-status"), "status": {"state": "Succeeded"}})
    assert "status" not in created
    experiments.delete("with-status")


def test_fields_that_do_not_exist_are_dropped_where_validation_is_not_strict(kubectl: Kubectl) -> None:
    typo = changed(a_manifest("typo"), {"spec.budget.paralelTrials": 4})
    with pytest.raises(Refused, match=r'unknown field "spec.budget.paralelTrials"'):
        kubectl("apply", "--dry-run=server", "--filename", "-", stdin=typo)
    kubectl("apply", "--dry-run=server", "--validate=false", "--filename", "-", stdin=typo)


def test_a_pod_template_is_kept_as_it_is(experiments: Experiments) -> None:
    template = {"spec": {"nodeSelector": {"gpu": "h100"}, "containers": [{"name": "trial", "env": []}]}}
    stored = experiments.create(changed(a_manifest(), {"spec.workers.template": template}), dry_run=True)
    assert stored["spec"]["workers"]["template"] == template
