"""The few kinds of panels that the dashboards are made of, so that all of them look alike.

Width and height are in Grafana's grid: 24 units wide, a unit of height is 30 pixels. Units are Grafana's ids
(`percentunit` is a ratio from 0 to 1, `s` seconds, `decbytes` bytes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "orange", "red"
NOTHING = "none"
HEIGHT = 8
LOW = 4

Panel = Builder[models.Panel]
AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, bargauge.Panel, table.Panel)


@dataclass(frozen=True)
class Query:
    """One PromQL expression; the legend may name labels, as `{{trial}}`."""

    expr: str
    legend: str = ""


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 12,
    is_stacked: bool = False,
    is_dotted: bool = False,
    most: float | None = None,
    is_first_bold: bool = False,
) -> timeseries.Panel:
    """Return lines over time; stacked as areas where parts make a whole, dotted where points lie far apart."""
    panel = timeseries.Panel().unit(unit).line_width(1 if is_dotted else 2)
    panel = panel.fill_opacity(25 if is_stacked else 0).span_nulls(is_dotted)
    panel = panel.show_points(shapes.VisibilityMode.ALWAYS if is_dotted else shapes.VisibilityMode.NEVER).point_size(4)
    if is_stacked:
        panel = panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL)).min(0)
    if most is not None:
        panel = panel.min(0).max(most)
    if is_first_bold:
        bold = {"custom.lineWidth": 3, "custom.showPoints": "never", "custom.lineInterpolation": "stepAfter"}
        properties = [models.DynamicConfigValue(id_val=name, value=value) for name, value in bold.items()]
        panel = panel.override_by_query(_letter(0), properties)
    legend = common.VizLegendOptions().show_legend(True).display_mode(shapes.LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM))
    panel = panel.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    return _filled(panel, title, description, queries, width, HEIGHT, is_instant=False)


def number(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    width: int = 4,
    decimals: int | None = None,
    limits: tuple[float, float] | None = None,
    is_name: bool = False,
    none: str = NOTHING,
) -> stat.Panel:
    """Return the newest value in large type, or its legend; above the limits it turns orange, then red."""
    panel = stat.Panel().unit(unit).no_value(none).thresholds(_thresholds(limits))
    panel = panel.color_mode(shapes.BigValueColorMode.VALUE).graph_mode(shapes.BigValueGraphMode.NONE)
    if decimals is not None:
        panel = panel.decimals(decimals)
    panel = panel.text_mode(shapes.BigValueTextMode.NAME if is_name else shapes.BigValueTextMode.VALUE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return _filled(panel, title, description, (query,), width, LOW, is_instant=True)


def bars(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    limits: tuple[float, float] | None = None,
    most: float | None = None,
) -> bargauge.Panel:
    """Return a horizontal bar for each series at its newest value."""
    panel = bargauge.Panel().unit(unit).min(0).thresholds(_thresholds(limits))
    panel = panel.orientation(shapes.VizOrientation.HORIZONTAL).display_mode(shapes.BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).no_value(NOTHING)
    if most is not None:
        panel = panel.max(most)
    return _filled(panel, title, description, queries, width, HEIGHT, is_instant=True)


@dataclass(frozen=True)
class Column:
    """One query of a table: its values are a column."""

    title: str
    expr: str
    unit: str = "short"


def grid(
    title: str,
    description: str,
    *columns: Column,
    width: int = 24,
    labels: Mapping[str, str],
    hidden: tuple[str, ...] = (),
    link: tuple[str, str] | None = None,
) -> table.Panel:
    """Return a table with a row for each set of the labels that all queries have.

    Args:
        title: of the panel.
        description: what it answers.
        columns: the queries.
        width: in the grid's units.
        labels: title of each label's column, in order.
        hidden: titles of columns that are always 1 and only bring their labels.
        link: a label's title and the URL that its values lead to.
    """
    panel = table.Panel().no_value(NOTHING).cell_height(shapes.TableCellHeight.SM)
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    values = {f"Value #{_letter(i)}" if len(columns) > 1 else "Value": c for i, c in enumerate(columns)}
    names = {**labels, **{name: column.title for name, column in values.items()}}
    order = {name: place for place, name in enumerate(names)}
    left_out = {"Time": True} | {name: True for name, column in values.items() if column.title in hidden}
    options = {"excludeByName": left_out, "indexByName": order, "renameByName": names}
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    for column in columns:
        panel = panel.override_by_name(column.title, [models.DynamicConfigValue(id_val="unit", value=column.unit)])
    if link is not None:
        target = [{"title": "Open the experiment", "url": link[1]}]
        panel = panel.override_by_name(link[0], [models.DynamicConfigValue(id_val="links", value=target)])
    queries = tuple(Query(column.expr) for column in columns)
    return _filled(panel, title, description, queries, width, HEIGHT, is_instant=True, is_table=True)


def _filled(
    panel: AnyPanel,
    title: str,
    description: str,
    queries: tuple[Query, ...],
    width: int,
    height: int,
    *,
    is_instant: bool,
    is_table: bool = False,
) -> AnyPanel:
    panel = panel.title(title).description(description).datasource(SOURCE).span(width).height(height)
    for place, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(_letter(place)).datasource(SOURCE)
        target = target.instant() if is_instant else target.range()
        target = target.format(PromQueryFormat.TABLE if is_table else PromQueryFormat.TIME_SERIES)
        panel = panel.with_target(target.legend_format(query.legend) if query.legend else target)
    return panel


def _letter(place: int) -> str:
    return "ABCDEFGHIJKL"[place]


def _thresholds(limits: tuple[float, float] | None) -> build.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=GREEN)]
    if limits is not None:
        steps += [models.Threshold(value=limits[0], color=YELLOW), models.Threshold(value=limits[1], color=RED)]
    return build.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
