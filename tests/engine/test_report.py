"""The report of a run on a real Ray: there before anybody hears of the end, with what only a run knows."""

from __future__ import annotations

import json

import pytest

from luthier.trial import ledger
from luthier.trial.closing import begin_closing
from luthier.trial.engine import Engine
from luthier.trial.story import story_of
from support.real_runs import an_experiment, records

pytestmark = pytest.mark.ray


def test_the_report_is_there_before_anybody_hears_of_the_end(tmp_path):
    experiment = an_experiment("counts_and_saves", trials=3, parallelTrials=2, iterationsPerTrial=3)
    file, page = tmp_path / "experiment.json", tmp_path / "run" / "report.html"
    file.write_text(json.dumps(experiment.to_json()))
    heard: list[tuple[str, bool]] = []

    looks: list[int] = []

    def at_end():
        wait = begin_closing(file, page.parent)
        return lambda: wait() or "and it has a page"

    Engine(
        experiment,
        page.parent,
        1,
        lambda report: heard.append((report.outcome.message if report.outcome else "", page.exists())),
        at_end=at_end,
        on_the_way=lambda: looks.append(1),
    ).run()

    ((said, is_there),) = [(said, is_there) for said, is_there in heard if said]
    assert is_there
    assert looks
    assert said.endswith("; and it has a page")
    assert not any(is_there for said, is_there in heard if not said)
    assert "Succeeded" in page.read_text()

    story = story_of(experiment, ledger.read(page.parent))
    assert len(records(page.parent, "placed")) == len(records(page.parent, "run"))
    assert all(run.worker for run in story.runs)
    assert {"ray", "python"} <= story.attempts[0].environment.keys()
