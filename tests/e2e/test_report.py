"""The report of experiments in the cluster: on the storage at the end, on one's own machine at any time."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from luthier.cli.live_page import LivePage, LiveStory
from luthier.cli.records import open_archive
from luthier.cli.report import experiment_of
from support.e2e_manifests import steady
from support.e2e_place import Place
from support.e2e_wait import until


def test_a_report_can_be_had_while_it_runs_and_after_its_end(place: Place, luthier: Any, tmp_path: Path) -> None:
    exports = [{"name": "tables", "type": "Files", "formats": ["CSV", "Parquet"]}, {"name": "study", "type": "Optuna"}]
    place.apply(steady("told", pause=0.2, exports=exports, budget={"trials": 2, "iterationsPerTrial": 60}))
    place.wait_for_iterations("told", 3)
    luthier("report", "told", "-o", tmp_path / "running.html")
    assert "Running" in (tmp_path / "running.html").read_text()

    status = place.wait_for("told", "Succeeded")
    kept = place.on_storage("told", "tail -c 8 report.html; ls exports/tables exports/study")
    assert kept.lstrip().startswith("</html>")
    assert {"trials.csv", "results.csv", "trials.parquet", "results.parquet", "study.db"} <= set(kept.split())
    assert "not written" not in place.on_storage("told", "grep -o 'not written[^<]*' report.html || true")
    luthier("report", "told", "-o", tmp_path / "ended.html")
    ended = (tmp_path / "ended.html").read_text()
    assert "Succeeded" in ended
    assert status["best"]["trial"] in ended
    luthier("export", "told", tmp_path / "tables", "--to", "csv")
    assert (tmp_path / "tables" / "trials.csv").read_text().count("\n") == 3


def seen(live: LivePage) -> Any:
    return json.loads(urllib.request.urlopen(live.url + "content").read())


def test_the_page_in_the_browser_follows_the_experiment(
    place: Place, luthier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.cluster.environment.items():
        monkeypatch.setenv(name, value)  # where the command line finds the cluster
    place.apply(steady("followed", pause=0.2, budget={"trials": 2, "iterationsPerTrial": 100_000}))
    place.wait_for_iterations("followed", 2)
    with open_archive("followed", place.name) as archive:
        live = LivePage(LiveStory(experiment_of(archive.document), lambda after: list(archive.lines(after))))
        try:
            first = seen(live)
            assert first["live"]
            until(
                "the page shows what came since", lambda: seen(live)["figures"] != first["figures"] or None, within=30
            )
        finally:
            live.close()
    luthier("stop", "followed")
