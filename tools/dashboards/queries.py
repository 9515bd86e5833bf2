"""The queries of the written dashboards, as Grafana would send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "helm" / "luthier" / "files" / "dashboards"


@dataclass(frozen=True)
class Question:
    """One query of a panel or of an annotation."""

    board: str
    panel: str
    expr: str

    def __str__(self) -> str:
        """Name it in a test's id."""
        return f"{self.board}: {self.panel}"


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with `$name` replaced, longer names first."""
    for name in sorted(variables, key=len, reverse=True):
        text = text.replace(f"${name}", variables[name])
    return text


def questions(name: str) -> list[Question]:
    """Return all queries of a dashboard, by the name of its file."""
    board: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    found = [
        Question(name, panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets") or []
    ]
    marks = board.get("annotations", {}).get("list", [])
    return found + [Question(name, f"mark {mark['name']}", mark["expr"]) for mark in marks]


def all_questions() -> list[Question]:
    """Return the queries of all dashboards."""
    return [question for file in sorted(FOLDER.glob("*.json")) for question in questions(file.stem)]
