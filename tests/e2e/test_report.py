"""The report of experiments in the cluster: on the storage at the end, on one's own machine at any time."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from luthier.api import keys
from luthier.cli.live_page import LivePage, LiveStory
from luthier.cli.report import experiment_of
from luthier.cli.ui import follow
from support.e2e_manifests import steady
from support.e2e_place import Place
from support.e2e_wait import until


def test_a_report_can_be_had_while_it_runs_and_after_its_end(place: Place, luthier: Any, tmp_path: Path) -> None:
    often = {"everySeconds": 2}  # so that the end finds one at work
    tables = {"name": "tables", "type": "Files", "formats": ["CSV", "Parquet"], **often}
    exports = [tables, {"name": "study", "type": "Optuna", **often}]
    place.apply(steady("told", pause=0.2, exports=exports, budget={"trials": 2, "iterationsPerTrial": 60}))
    place.wait_for_iterations("told", 3)
    luthier("report", "told", "-o", tmp_path / "running.html")
    assert "Running" in (tmp_path / "running.html").read_text()

    status = place.wait_for("told", "Succeeded")
    kept = place.on_storage("told", "tail -c 8 report.html; ls exports/tables exports/study")
    assert kept.lstrip().startswith("</html>")
    assert {"trials.csv", "results.csv", "trials.parquet", "results.parquet", "study.db"} <= set(kept.split())
    said = place.on_storage("told", "grep -oE '<td>(tables|study)</td><td>[A-Za-z]*</td><td>[^<]*' report.html")
    assert said.count("<td>written") == 2, said
    assert "cut off" not in (status.get("message") or "")
    luthier("report", "told", "-o", tmp_path / "ended.html")
    ended = (tmp_path / "ended.html").read_text()
    assert "Succeeded" in ended
    assert status["best"]["trial"] in ended
    luthier("export", "told", tmp_path / "tables", "--to", "csv")
    assert (tmp_path / "tables" / "trials.csv").read_text().count("\n") == 3


def seen(live: LivePage) -> Any:
    return json.loads(urllib.request.urlopen(live.url + "content").read())


def is_without_driver(live: LivePage) -> bool:
    """Whether the page says that the last driver is gone, or that the next one does not answer yet."""
    html = seen(live)["html"]
    return "No driver runs" in html or "The driver is starting" in html


def test_the_page_in_the_browser_follows_the_experiment_from_driver_to_driver_and_beyond_its_end(
    place: Place, luthier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.cluster.environment.items():
        monkeypatch.setenv(name, value)  # where the command line finds the cluster
    place.apply(steady("followed", pause=0.2, budget={"trials": 2, "iterationsPerTrial": 100_000}))
    place.wait_for_iterations("followed", 2)
    ledger = follow("followed", place.name)
    live = LivePage(LiveStory(experiment_of(ledger.document), ledger.lines, notice=lambda: ledger.notice))
    try:
        first = seen(live)
        assert first["live"]
        until("the page shows what came since", lambda: seen(live)["figures"] != first["figures"] or None, within=30)

        (driver,) = place.pods(keys.ROLE_DRIVER)
        place.kubectl("delete", "pod", driver["metadata"]["name"], "--grace-period=0", "--force")
        until("the page says that no driver answers", lambda: is_without_driver(live) or None, within=30)
        until("it goes on with the next", lambda: "attempt 2 goes on" in seen(live)["html"] or None, within=90)
        assert not is_without_driver(live)

        luthier("suspend", "followed")
        until("the page says so", lambda: "Suspended" in seen(live)["html"] or None, within=60)
        assert not place.pods(keys.ROLE_READER), "it reads once what is left"
        luthier("stop", "followed")
        place.wait_for("followed", "Succeeded")
        until("the page tells of the end", lambda: not seen(live)["live"] or None, within=60)
        assert not is_without_driver(live)
    finally:
        live.close()
        ledger.close()
    assert not place.pods(keys.ROLE_READER)
