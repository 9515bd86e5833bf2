"""Where figures are written down: all of them as data, and as tables on a page that people read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Result, as_table
from bench.places import ROOT

RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: make bench writes them -->", "<!-- end of figures -->"


def write(results: dict[str, list[Result]], titles: dict[str, str], data: Path = RESULTS, page: Path = PAGE) -> None:
    """Put the figures in the place of earlier ones of the same families, into the data and the page."""
    stored = json.loads(data.read_text()) if data.exists() else {}
    for name, taken in results.items():
        stored[name] = {
            "taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "table": as_table(taken),
            "figures": [result.as_json() for result in taken],
        }
    data.write_text(json.dumps(stored, indent=1) + "\n")
    page.write_text(_with_tables(page.read_text(), stored, titles))


def _with_tables(text: str, stored: dict[str, Any], titles: dict[str, str]) -> str:
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    tables = [
        f"### {titles[name][0].upper()}{titles[name][1:]}\n\n{stored[name]['table']}\n{_notes(stored[name])}"
        for name in titles
        if name in stored
    ]
    return f"{head}{BEGIN}\n\n" + "\n".join(tables) + f"\n{END}{tail}"


def _notes(family: dict[str, Any]) -> str:
    """Return what is to be said of single figures, and when they were taken."""
    notes = [f"- {figure['name']}: {figure['note']}." for figure in family["figures"] if figure.get("note")]
    return "\n".join(["", *notes, *([""] if notes else []), f"Taken {family['taken']}.", ""])
