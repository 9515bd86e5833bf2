"""The benchmark report: its command can be asked for help, its tables say what is met and what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from bench import figures, report

    return figures, report


def test_help_names_every_family_of_figures():
    command = [sys.executable, "-m", "bench", "--help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for family in ("flat", "scrape", "throughput", "exploit", "peers", "writes", "freshness", "worker-frozen", "scale"):
        assert f"\n  {family} " in said


def test_a_result_that_was_on_its_way_when_a_worker_died_is_no_recovery(bench):
    from bench.recovery import gap_after

    pacing = [8.0, 9.0, 10.0]
    assert gap_after([*pacing, 10.5], hit=10.2) is None
    assert gap_after([*pacing, 10.5, 18.2, 19.0], hit=10.2) == 8.0
    assert gap_after([*pacing, 11.0, 12.0], hit=10.2) is None, "this one was not affected"


def test_a_table_says_whether_a_goal_is_met_and_why_a_figure_is_missing(bench):
    figures, _ = bench
    good = figures.Figure("rate", 19.0, "/s", "/s, raw", 20.0, figures.Goal(">=", 0.9, of_ratio=True))
    bad = figures.Figure("staleness", 2.5, "s", goal=figures.Goal("<=", 2))
    table = figures.as_table([good, bad, figures.Missing("scale", "no cluster")])
    rate, stale, missing = table.splitlines()[2:]
    assert "| 0.95 " in rate
    assert "| yes " in rate
    assert "| **no** " in stale
    assert "no cluster" in missing


def test_figures_replace_earlier_ones_of_their_family_and_no_other(bench, tmp_path):
    figures, report = bench
    page, data = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(f"# Head\n{report.BEGIN}\nold\n{report.END}\n# Tail\n")
    titles = {"a": "one", "b": "two"}
    for name, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        report.write({name: [figures.Figure(f"figure {name}", value, "s")]}, titles, data, page)
    text = page.read_text()
    assert "3 s" in text
    assert "2 s" in text
    assert "1 s" not in text
    assert text.startswith("# Head\n")
    assert text.endswith("# Tail\n")
