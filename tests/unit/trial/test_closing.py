"""What is done at the end of an experiment never hurts it."""

from __future__ import annotations

import json

from luthier.api.catalogue import SchedulerKind
from luthier.trial.closing import begin_closing
from luthier.trial.environment import environment
from luthier.trial.records import encode
from support.stories import a_played_study, the_experiment


def a_directory(tmp_path):
    told = a_played_study(SchedulerKind.NONE, trials=4)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records)))
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps(the_experiment(told).to_json()))
    return file


def test_the_report_lies_beside_the_ledger(tmp_path):
    assert begin_closing(a_directory(tmp_path), tmp_path)()
    assert "<h1>told" in (tmp_path / "report.html").read_text()


def test_a_ledger_that_cannot_be_read_makes_no_report_and_no_trouble(tmp_path):
    file = a_directory(tmp_path)
    (tmp_path / "ledger.jsonl").write_bytes(b"no record\n")
    assert not begin_closing(file, tmp_path)()
    assert not list(tmp_path.glob("report*"))


def test_it_takes_no_longer_than_it_may(tmp_path):
    assert not begin_closing(a_directory(tmp_path), tmp_path, seconds=0.01)()


def test_an_attempt_says_what_it_runs_with():
    found = environment()
    assert {"python", "machine", "ray", "optuna", "luthier"} <= found.keys()
