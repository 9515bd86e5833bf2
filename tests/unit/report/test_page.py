"""The page: whole, escaped, and needing nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.trial.report.making import PageFile, make_content, make_page
from luthier.trial.report.view import view_of
from support.builders import a_categorical, a_double, a_spec
from support.stories import a_played_study, the_experiment, the_story
from support.studies import ToldStudy

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """Names and attributes of all elements of a page, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.names and self.names[-1] == "script":
            self.scripts[-1] += data


def an_evil_study() -> ToldStudy:
    spec = a_spec(a_double(), a_categorical("choice", EVIL, "plain"), trials=4, parallel=1, iterations=2)
    told = ToldStudy(spec).begins()
    for number in range(3):
        trial = told.starts()
        told.reports(trial, 1.0 + number, 2.0 + number, **{EVIL: 1.0})
        told.lets_go(trial)
    trial = told.starts()
    told.fails(trial, "Exception", EVIL)
    told.ends()
    return told


@pytest.fixture(scope="module")
def evil_page() -> str:
    told = an_evil_study()
    return make_page(the_experiment(told), told.records)


def test_nothing_that_a_trial_wrote_becomes_an_element(evil_page):
    told = a_played_study(SchedulerKind.NONE)
    honest = make_page(the_experiment(told), told.records)
    elements = Elements(evil_page)
    assert elements.names.count("script") == Elements(honest).names.count("script") == 3
    assert "img" not in elements.names
    assert not [name for name, _ in elements.attributes if name.startswith("on")]


def test_figures_are_json_in_which_no_tag_begins(evil_page):
    figures = Elements(evil_page).scripts[0]
    assert "<" not in figures
    assert "alert(1)" in figures
    assert json.loads(figures)


def test_only_the_pages_own_scripts_may_run(evil_page):
    policy = next(
        value for name, value in Elements(evil_page).attributes if name == "content" and "script-src" in value
    )
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert len(re.findall("'sha256-", policy)) == 2
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]


def test_the_page_needs_no_network(evil_page):
    elements = Elements(evil_page)
    assert not [value for name, value in elements.attributes if name in ("src", "srcset", "action")]
    assert "link" not in elements.names
    assert all(value.startswith("#") for name, value in elements.attributes if name == "href")


def test_the_numbers_are_the_ledgers():
    told = a_played_study(SchedulerKind.ASHA)
    view = view_of(the_story(told))
    best = told.study.trials[next(iter(told.study.ranking))].best
    tiles = {tile.name: tile.value for tile in view.tiles}
    assert tiles["best score0"] == f"{best.metrics['score0']:.6g}"
    assert tiles["trials"] == str(len(told.study.trials))
    assert {row.name: row.iteration for row in view.rows} == {t.name: t.iteration for t in told.study.trials.values()}
    assert [row.name for row in view.rows if row.rank] == list(told.study.ranking)


def test_what_a_served_page_asks_for_is_the_same_text_with_the_figures():
    told = a_played_study(SchedulerKind.NONE)
    fresh = json.loads(make_content(the_experiment(told), told.records, told.now))
    assert "<h1>told" in fresh["html"]
    assert "history-0" in fresh["figures"]
    assert fresh["live"] is False


def test_a_page_is_written_whole_beside_the_ledger(tmp_path):
    told = a_played_study(SchedulerKind.NONE)
    PageFile(the_story(told), tmp_path / "report.html").save()
    assert (tmp_path / "report.html").read_text().rstrip().endswith("</html>")
    assert not list(tmp_path.glob("*.new"))
