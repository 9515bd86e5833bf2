"""The report as the driver serves it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.trial.records import encode
from luthier.trial.report_page import ReportPage
from luthier.trial.server import ProgressServer
from support.stories import a_played_study, the_experiment


@pytest.fixture
def server():
    window = ProgressServer(0, "secret", "127.0.0.1")
    yield window
    window.close()


@pytest.fixture
def maker(tmp_path) -> ReportPage:
    told = a_played_study(SchedulerKind.NONE, trials=4)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records[:-1])))
    (tmp_path / "experiment.json").write_text(json.dumps(the_experiment(told).to_json()))
    return ReportPage(tmp_path / "experiment.json", tmp_path)


def asked(server: ProgressServer, token: str = "secret") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/report")
    request.add_header("Authorization", f"Bearer {token}")
    return urllib.request.urlopen(request).read().decode()


def test_whoever_has_the_token_gets_the_page_of_now(server, maker, tmp_path):
    server.report = maker
    page = asked(server)
    assert "while it runs" in page
    assert page.rstrip().endswith("</html>")
    assert not (tmp_path / "report.html").exists()


def test_nobody_else_gets_it(server, maker):
    server.report = maker
    with pytest.raises(urllib.error.HTTPError, match="401"):
        asked(server, "guess")


def test_what_cannot_be_made_is_said_and_no_page(server, maker, tmp_path):
    (tmp_path / "ledger.jsonl").write_bytes(b"no record\n")
    server.report = maker
    with pytest.raises(urllib.error.HTTPError, match="503"):
        asked(server)


def test_before_the_experiment_is_known_there_is_none(server):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        asked(server)


def test_two_who_ask_get_the_same_page(maker):
    assert maker.read() is maker.read()
