"""The report in a real browser: whole, silent, with the ledger's numbers, on screens of all kinds and on paper."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from browser.conftest import opened, wait
from luthier.api.catalogue import SchedulerKind
from luthier.cli.live_page import LivePage, LiveStory
from luthier.trial.records import encode
from luthier.trial.report.making import make_page
from support.builders import a_categorical, a_double, a_log_double, a_spec
from support.stories import a_played_study, a_study_of_many, a_study_of_two_objectives, the_experiment
from support.studies import ToldStudy

EVIL = "</script><img src=x onerror=document.title='owned'><b>bold</b>"


def written(told: ToldStudy, path: Path) -> str:
    path.write_text(make_page(the_experiment(told), told.records))
    return path.as_uri()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def asha() -> ToldStudy:
    return a_played_study(SchedulerKind.ASHA, a_double(), a_log_double(), a_categorical(), trials=20)


@pytest.fixture(scope="module")
def asha_url(asha, folder) -> str:
    return written(asha, folder / "asha.html")


@pytest.fixture(scope="module")
def pbt_url(folder) -> str:
    return written(a_played_study(SchedulerKind.PBT, a_double(), a_log_double()), folder / "pbt.html")


def plots(page) -> dict[str, int]:
    """Number of drawn shapes, by figure."""
    return page.js(
        "Object.fromEntries([...document.querySelectorAll('.plot')].map(plot => "
        "[plot.dataset.figure, plot.querySelectorAll('.trace path, .points path, .bars path').length]))"
    )


class TestOnADesktop:
    def test_every_figure_is_drawn_and_the_console_is_silent(self, desktop, asha_url, pbt_url):
        for url, expected in ((asha_url, {"curves"}), (pbt_url, {"lineage", "schedule-0"})):
            page = opened(desktop, url)
            drawn = plots(page)
            assert page.complaints == []
            assert {"history-0", "parallel", "importance", "slice-0", "timeline", "cost"} | expected <= drawn.keys()
            assert [figure for figure, shapes in drawn.items() if not shapes] == []

    def test_the_numbers_are_the_ledgers(self, desktop, asha, asha_url):
        page = opened(desktop, asha_url)
        best = asha.study.trials[next(iter(asha.study.ranking))].best
        assert page.js("document.querySelector('.tile strong').textContent") == f"{best.metrics['score0']:.6g}"
        results = [r for r in asha.of_kind("result") if "score0" in r.metrics]
        bests: dict[str, float] = {}
        for result in results:
            bests[result.trial] = max(result.metrics["score0"], bests.get(result.trial, float("-inf")))
        shown = page.js(
            "document.getElementById('plot-history-0').data.filter(t => t.mode === 'markers').flatMap(t => t.y)"
        )
        assert sorted(shown) == sorted(bests.values())

    def test_a_click_on_a_column_sorts_by_it(self, desktop, asha_url):
        page = opened(desktop, asha_url)
        page.js("[...document.querySelectorAll('.sortable th')].find(th => th.textContent === 'trial').click()")
        names = page.js("[...document.querySelectorAll('.sortable tbody tr')].map(row => row.cells[1].textContent)")
        assert names == sorted(names)

    def test_nothing_that_a_trial_wrote_runs_or_becomes_markup(self, desktop, folder):
        told = ToldStudy(a_spec(a_double(), a_categorical("choice", EVIL, "b"), trials=10, parallel=1)).begins()
        for number in range(9):
            trial = told.starts()
            told.reports(trial, float(number), float(number + 1), **{EVIL: 1.0})
            told.lets_go(trial)
        told.fails(told.starts(), "Exception", EVIL)
        told.ends()
        page = opened(desktop, written(told, folder / "evil.html"))
        assert page.complaints == []
        assert page.js("document.title") == "told: Succeeded"
        assert page.js("document.querySelectorAll('img').length") == 0
        assert EVIL in page.js("document.querySelector('#failures pre').textContent")
        bold = "[...document.querySelectorAll('.plot tspan')].filter(part => part.style.fontWeight === 'bold').length"
        assert page.js(bold) == 0
        assert "</script><i" in page.js("document.querySelector('#plot-parallel').textContent")

    def test_ten_thousand_trials_open(self, desktop, folder):
        page = opened(desktop, written(a_study_of_many(10_000), folder / "many.html"))
        assert page.complaints == []
        assert "10,000" in page.js("document.querySelector('.tiles').textContent")
        assert "1,500 of 10,000 trials are drawn." in page.js("document.querySelector('#history').textContent")

    def test_two_objectives_show_their_front(self, desktop, folder):
        told = a_study_of_two_objectives((1, 1), (2, 2), (3, 5), (2, 4), (0, 1))
        page = opened(desktop, written(told, folder / "front.html"))
        assert page.js("document.getElementById('plot-pareto-0-1').data[1].x") == [1, 2, 3]


def luminance(colour: str) -> float:
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


class TestElsewhere:
    def test_in_the_dark_the_page_and_its_figures_are_dark_with_light_words(self, desktop, asha_url):
        page = opened(desktop, asha_url, scheme="dark")
        assert luminance(page.js("getComputedStyle(document.body).backgroundColor")) < 0.15
        assert luminance(page.js("getComputedStyle(document.querySelector('#plot-curves .xtick text')).fill")) > 0.7

    def test_a_change_of_the_light_is_followed(self, desktop, asha_url):
        page = opened(desktop, asha_url)
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        desktop.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        words = "getComputedStyle(document.querySelector('#plot-curves .xtick text')).fill"
        wait(lambda: luminance(page.js(words)) > 0.7)

    @pytest.mark.parametrize("which", ["asha_url", "pbt_url"])
    def test_on_a_phone_nothing_is_wider_than_the_phone(self, phone, which, request):
        page = opened(phone, request.getfixturevalue(which))
        assert page.complaints == []
        assert page.js("document.documentElement.scrollWidth") <= 390
        widths = page.js(
            "[...document.querySelectorAll('.plot .main-svg')].map(svg => svg.getBoundingClientRect().width)"
        )
        assert max(widths) <= 390

    def test_on_paper_it_is_light_and_whole(self, desktop, asha_url):
        page = opened(desktop, asha_url, media="print", scheme="dark")
        assert luminance(page.js("getComputedStyle(document.body).backgroundColor")) > 0.9
        assert page.js("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert page.js("getComputedStyle(document.querySelector('.wide')).overflowY") == "visible"
        printed = desktop.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        assert base64.b64decode(printed["data"]).startswith(b"%PDF")


def test_a_living_page_shows_what_comes_without_being_asked(desktop):
    told = a_played_study(SchedulerKind.NONE)
    growing = told.again(upto=len(told.records) // 2)

    def lines(after: int) -> list[bytes]:
        return b"".join(map(encode, growing.records))[after:].splitlines(keepends=True)

    live = LivePage(LiveStory(the_experiment(growing), lines))
    try:
        page = opened(desktop, live.url)
        assert page.complaints == []
        growing.begins()
        growing.reports(growing.starts_all()[-1], 123456.0)
        wait(lambda: page.js("document.querySelector('.tile strong').textContent") == "123456")
        wait(lambda: 123456 in page.js("document.getElementById('plot-history-0').data.flatMap(t => t.y)"))
    finally:
        live.close()
    wait(lambda: "Nobody serves this page any more" in page.js("document.querySelector('header').textContent"))
