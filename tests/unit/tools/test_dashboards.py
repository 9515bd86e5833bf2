"""The dashboards: as the Python says, laid out on Grafana's grid, each query with its variables."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from write_dashboards import FOLDER, dashboards

BOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in dashboards().items()}
WIDTH = 24
GIVEN_BY_GRAFANA = {"__rate_interval", "__data", "__value", "datasource"}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> list[str]:
    asked = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    return [*asked, *(mark["expr"] for mark in board.get("annotations", {}).get("list", []))]


EACH = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def test_the_charts_dashboards_are_what_the_python_makes() -> None:
    written = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
    assert written == dashboards(), "run `make generate`"


@EACH
def test_every_panel_has_a_title_a_description_a_unit_and_a_query(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert all(target["expr"] for target in panel["targets"]), panel["title"]
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@EACH
def test_titles_and_ids_are_a_panels_own(board: dict[str, Any]) -> None:
    assert [title for title, count in Counter(p["title"] for p in panels(board)).items() if count > 1] == []
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(board["panels"]) + 1))


@EACH
def test_panels_fill_whole_lines_and_none_covers_another(board: dict[str, Any]) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert set(taken.values()) == {1}
    height = max(y for _, y in taken) + 1
    assert len(taken) == WIDTH * height


@EACH
def test_a_query_names_only_variables_that_the_dashboard_has(board: dict[str, Any]) -> None:
    own = {variable["name"] for variable in board["templating"]["list"]}
    used = {name for expr in expressions(board) for name in re.findall(r"\$\{?([a-z_]+)", expr)}
    assert used - GIVEN_BY_GRAFANA <= own


@EACH
def test_every_query_asks_the_chosen_prometheus(board: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(board):
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])


def test_dashboards_have_addresses_of_their_own_and_find_each_other_by_a_tag() -> None:
    assert {board["uid"] for board in BOARDS.values()} == {f"luthier-{name.removesuffix('.json')}" for name in BOARDS}
    assert all(board["tags"] == ["luthier"] for board in BOARDS.values())
    table = next(panel for panel in panels(BOARDS["fleet.json"]) if panel["title"] == "Experiments")
    assert "/d/luthier-experiment?" in json.dumps(table)


def test_an_experiments_states_bests_and_copies_are_marked() -> None:
    marks = {mark["name"]: mark for mark in BOARDS["experiment.json"]["annotations"]["list"]}
    assert {"State", "New best", "Exploit", "Stalled", "Driver lost"} <= set(marks)
    assert marks["State"]["titleFormat"] == "{{state}}"
