"""Draw the dashboards' panels from a real Prometheus into pictures, where no Grafana is at hand.

    python tools/draw_dashboards.py http://127.0.0.1:9090 --namespace default \\
        --experiment digits-pbt --metric accuracy --parameter lr

Layout, queries, legends and units are the dashboards' own; colours and fonts are not Grafana's.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.transforms import Bbox

from dashboards.queries import FOLDER, filled
from scraping.server import Json, Prometheus

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
GRID = 24
UNIT_INCHES = (0.62, 0.36)
DOTS_PER_INCH = 80
INK, PALE, EDGE = "#24292f", "#6e7781", "#d8dee4"
POINTS = 240
MOST_ROWS = 8


@dataclass(frozen=True)
class View:
    """What is looked at: a Prometheus, a time, and the variables' values."""

    prometheus: Prometheus
    begin: float
    end: float
    variables: Mapping[str, str]

    def lines(self, panel: Json) -> list[tuple[str, str, list[float], list[float]]]:
        """Return query, name, seconds since the begin, and values of each series of a panel."""
        step = max(1.0, (self.end - self.begin) / POINTS)
        found = []
        for target in panel["targets"]:
            for series in self.prometheus.series(filled(target["expr"], self.variables), self.begin, self.end, step):
                pairs = [(float(at) - self.begin, float(value)) for at, value in series["values"]]
                name = named(target.get("legendFormat") or "", series["metric"])
                found.append((target["refId"], name, [at for at, _ in pairs], [value for _, value in pairs]))
        return found

    def values(self, panel: Json) -> list[tuple[Json, Json, float]]:
        """Return target, labels and last value of each series of a panel."""
        return [
            (target, series["metric"], float(series["value"][1]))
            for target in panel["targets"]
            for series in self.prometheus.newest(filled(target["expr"], self.variables), self.end)
        ]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return a legend with its labels filled in."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend)


def spoken(value: float, unit: str) -> str:
    """Return a value in its unit.

    >>> spoken(0.25, "percentunit"), spoken(90, "s"), spoken(2048, "bytes")
    ('25 %', '1.5 min', '2 KiB')
    """
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit in {"s", "dtdurations"}:
        return _scaled(value, ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")), "s")
    if unit in {"bytes", "decbytes"}:
        names = ("KiB", "MiB", "GiB") if unit == "bytes" else ("kB", "MB", "GB")
        base = 1024 if unit == "bytes" else 1000
        return _scaled(value, ((base**3, names[2]), (base**2, names[1]), (base, names[0]), (1, "B")), "B")
    return f"{value:.4g}"


def _scaled(value: float, scales: tuple[tuple[float, str], ...], unit: str) -> str:
    for size, name in scales:
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"0 {unit}"


def draw(name: str, view: View, picture: Path, rows: Collection[str] = ()) -> Path:
    """Draw a dashboard, by the name of its file, or some of its rows; return the picture."""
    panels = _chosen(json.loads((FOLDER / f"{name}.json").read_text())["panels"], rows)
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    width_inches, unit_inches = GRID * UNIT_INCHES[0], UNIT_INCHES[1]
    figure = plt.figure(figsize=(width_inches, height * unit_inches), dpi=DOTS_PER_INCH, facecolor="#f6f8fa")
    for panel in panels:
        place = panel["gridPos"]
        left, low = place["x"] / GRID, 1 - (place["y"] + place["h"]) / height
        wide, high = place["w"] / GRID, place["h"] / height
        if panel["type"] == "row":
            figure.text(left + 0.006, low + high * 0.3, panel["title"], fontsize=11, fontweight="bold", color=INK)
            continue
        margin = (0.05 / wide / GRID, 0.09 / place["h"])
        box = (left + margin[0] * wide, low + margin[1] * high, wide * (1 - 2 * margin[0]), high * (1 - 2 * margin[1]))
        figure.add_artist(
            FancyBboxPatch(
                box[:2],
                box[2],
                box[3],
                boxstyle="square,pad=0",
                facecolor="white",
                edgecolor=EDGE,
                linewidth=0.8,
                zorder=-1,
            )
        )
        title = filled(panel["title"], view.variables)
        figure.text(
            box[0] + 0.006, box[1] + box[3] - 0.22 / (height * unit_inches), title, fontsize=8.5, va="center", color=INK
        )
        left_inches = 0.5 if panel["type"] == "timeseries" else 0.12
        inner = (
            box[0] + left_inches / width_inches,
            box[1] + (0.28 if panel["type"] == "timeseries" else 0.1) / (height * unit_inches),
            box[2] - (left_inches + 0.12) / width_inches,
            box[3] - (0.85 if panel["type"] == "timeseries" else 0.45) / (height * unit_inches),
        )
        DRAWN[panel["type"]](figure.add_axes(inner), panel, view)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, facecolor=figure.get_facecolor(), pil_kwargs={"optimize": True})
    plt.close(figure)
    return picture


def _chosen(panels: list[Json], rows: Collection[str]) -> list[Json]:
    """Return the panels of some rows (of all where none is named), moved up over the gaps."""
    chosen: list[Json] = []
    gap, is_wanted = 0, True
    for panel in panels:
        if panel["type"] == "row":
            begins = chosen[-1]["gridPos"]["y"] + chosen[-1]["gridPos"]["h"] if chosen else 0
            is_wanted = not rows or panel["title"] in rows
            gap = panel["gridPos"]["y"] - begins
        if is_wanted:
            place = panel["gridPos"]
            chosen.append({**panel, "gridPos": {**place, "y": place["y"] - gap}})
    return chosen


def _graph(axes: Axes, panel: Json, view: View) -> None:
    lines = view.lines(panel)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    is_stacked = custom.get("stacking", {}).get("mode") == "normal"
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if not lines:
        return _nothing(axes)
    if is_stacked:
        moments = sorted({at for _, _, times, _ in lines for at in times})
        rows = [[dict(zip(times, values, strict=True)).get(at, 0.0) for at in moments] for _, _, times, values in lines]
        axes.stackplot(moments, rows, labels=[name for _, name, _, _ in lines], alpha=0.75)
    else:
        marker = "." if custom.get("showPoints") == "always" else None
        bold = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"] or []}  # of one query
        for query, name, times, values in lines:
            look = {"linewidth": 3} if query in bold else {"linewidth": 1.3, "marker": marker, "markersize": 3}
            axes.plot(times, values, label=name, **look)
    axes.set_xlim(0, view.end - view.begin)
    axes.tick_params(labelsize=6.5, colors=PALE, length=2)
    axes.xaxis.set_major_formatter(lambda at, _: f"{int(at) // 60}:{int(at) % 60:02d}")
    axes.yaxis.set_major_formatter(lambda value, _: spoken(value, unit))
    axes.grid(color=EDGE, linewidth=0.5)
    for side in axes.spines.values():
        side.set_visible(False)
    named_lines = [name for _, name, _, _ in lines if name]
    columns = panel["gridPos"]["w"] // 2
    if 0 < len(named_lines) <= 2 * columns:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 0.98),
            ncols=columns,
            fontsize=6.5,
            frameon=False,
            handlelength=1,
        )
    return None


def _number(axes: Axes, panel: Json, view: View) -> None:
    found = view.values(panel)
    if not found:
        return _nothing(axes)
    target, labels, value = found[0]
    is_name = panel["options"]["textMode"] == "name"
    text = named(target["legendFormat"], labels) if is_name else spoken(value, panel["fieldConfig"]["defaults"]["unit"])
    axes.axis("off")
    size = min(19.0, 19 * 12 / max(len(text), 1))
    axes.text(0.5, 0.5, text, fontsize=size, ha="center", va="center", color="#1a7f37")
    return None


def _bars(axes: Axes, panel: Json, view: View) -> None:
    found = view.values(panel)
    if not found:
        return _nothing(axes)
    names = [named(target.get("legendFormat") or "", labels) for target, labels, _ in found]
    values = [value for _, _, value in found]
    most = panel["fieldConfig"]["defaults"].get("max") or max(values) or 1.0
    axes.barh(range(len(found)), values, color="#54aeff", height=0.6)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        text = f"{name}  {spoken(value, panel['fieldConfig']['defaults']['unit'])}"
        axes.text(most * 0.01, place, text, fontsize=8, va="center", color=INK)
    axes.set_xlim(0, most)
    axes.set_ylim(max(len(found), 4) - 0.4, -0.6)
    axes.axis("off")
    return None


def _table(axes: Axes, panel: Json, view: View) -> None:
    organize = panel["transformations"][-1]["options"]
    names, left_out = organize["renameByName"], organize["excludeByName"]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    units = {o["matcher"]["options"]: p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"]}
    for target, labels, value in view.values(panel):
        title = names.get(f"Value #{target['refId']}" if len(panel["targets"]) > 1 else "Value", "Value")
        key = tuple(labels.get(name, "") for name in ("namespace", "experiment", "trial", "parameter"))
        row = rows.setdefault(key, {})
        row.update({names[label]: text for label, text in labels.items() if label in names})
        row[title] = spoken(value, str(units.get(title, "short")))
    if not rows:
        return _nothing(axes)
    order = sorted((place, names[field]) for field, place in organize["indexByName"].items() if field not in left_out)
    columns = [title for _, title in order]
    cells = [[row.get(column, "") for column in columns] for _, row in sorted(rows.items())][:MOST_ROWS]
    high = 1 / (MOST_ROWS + 1)
    axes.axis("off")
    box = Bbox.from_bounds(0, 1 - high * (len(cells) + 1), 1, high * (len(cells) + 1))
    table = axes.table(cells, colLabels=columns, colLoc="left", cellLoc="left", edges="horizontal", bbox=box)
    table.auto_set_font_size(False)
    table.set_fontsize(7.5)
    for cell in table.get_celld().values():
        cell.set_edgecolor(EDGE)
    return None


def _nothing(axes: Axes) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, "none", fontsize=9, ha="center", va="center", color=PALE)


DRAWN: dict[str, Callable[[Axes, Any, View], None]] = {
    "timeseries": _graph,
    "stat": _number,
    "bargauge": _bars,
    "table": _table,
}


def main() -> None:
    """Draw all dashboards as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", help="address of a Prometheus")
    parser.add_argument("--namespace", required=True, help="the experiment's")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--metric", required=True, help="its primary objective")
    parser.add_argument("--parameter", required=True, help="the one whose schedule is drawn")
    parser.add_argument("--operators-namespace", default="luthier-system")
    parser.add_argument("--minutes", type=float, default=10, help="how far back (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=PICTURES)
    options = parser.parse_args()
    end = time.time()
    for name in ("fleet", "experiment", "operator"):
        variables = {
            "__rate_interval": "30s",
            "namespace": options.operators_namespace if name == "operator" else options.namespace,
            "experiment": options.experiment,
            "metric": options.metric,
            "parameter": options.parameter,
        }
        view = View(Prometheus(options.prometheus), end - options.minutes * 60, end, variables)
        print(draw(name, view, options.folder / f"dashboard-{name}.png"))


if __name__ == "__main__":
    main()
