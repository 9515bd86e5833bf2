"""`tune` on a cluster: the caller's file goes along, and what was found comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from luthier.cli.errors import Refusal
from luthier.sdk import load, tune
from support import teller
from support.e2e_place import Place

SMALL = {
    "search": {"algorithm": "Grid"},
    "trial": {"resources": {"cpu": 0.1}},
    "workers": {"max": 0},
    "storage": {"accessMode": "ReadWriteOnce", "size": "64Mi"},
}


def test_a_file_is_tuned_on_the_cluster_and_the_result_is_as_of_a_run_at_home(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(place.cluster.kubeconfig))
    asked = {"space": {"x": [1, 2, 3]}, "objective": "score", "mode": "max", "trials": 3, "spec": SMALL}

    result = tune(teller.Teller, **asked, on="cluster", name="told", namespace=place.name, timeout=200)

    assert (result.state, result.value, result.parameters) == ("Succeeded", 6, {"x": 3})
    assert list(result.dataframe()["parameters.x"]) == [1, 2, 3]
    assert json.loads((result.checkpoint(tmp_path / "best") / "x.json").read_text()) == 3
    assert load("told", namespace=place.name).value == 6
    with pytest.raises(Refusal, match=r"told in namespace .* already"):
        tune(teller.Teller, **asked, on="cluster", name="told", namespace=place.name)
