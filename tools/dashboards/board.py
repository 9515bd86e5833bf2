"""A dashboard: variables, annotations and rows of panels, with ids and places that stay when nothing changed."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as models

from dashboards.panels import SOURCE, Panel

TAG = "luthier"


@dataclass(frozen=True)
class Row:
    """A row's title and its panels; widths add up to whole lines of 24."""

    title: str
    panels: tuple[Panel, ...]


class PrometheusAnnotation(models.AnnotationQuery):
    """An annotation whose title is made of its series' labels; the SDK has no field for that."""

    def __init__(self, name: str, expr: str, title: str, color: str) -> None:
        """Mark the times at which the expression has a value."""
        super().__init__(name=name, datasource=SOURCE, enable=True, icon_color=color, expr=expr)
        self.title = title

    def to_json(self) -> dict[str, object]:
        """Return what Grafana reads."""
        return {**super().to_json(), "titleFormat": self.title, "step": "15s"}


class Annotation(build.AnnotationQuery):
    """Builder of a Prometheus annotation."""

    def __init__(self, name: str, expr: str, title: str, color: str) -> None:
        """Mark the times at which the expression has a value."""
        super().__init__()
        self._internal = PrometheusAnnotation(name, expr, title, color)


def data_source() -> build.DatasourceVariable:
    """Return the choice of a Prometheus."""
    return build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def choice(name: str, label: str, query: str, *, takes_all: bool = False) -> build.QueryVariable:
    """Return a choice among a label's values; with `takes_all` of several, at first all of them."""
    variable = build.QueryVariable(name).label(label).datasource(SOURCE).query({"query": query, "refId": name})
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    if takes_all:
        everything = models.VariableOption(selected=True, text="All", value="$__all")
        variable = variable.multi(True).include_all(True).all_value(".+").current(everything)
    return variable


def board(
    name: str,
    description: str,
    variables: tuple[build.QueryVariable, ...],
    rows: tuple[Row, ...],
    annotations: tuple[Annotation, ...] = (),
    span: str = "now-6h",
) -> models.Dashboard:
    """Return the dashboard `Luthier / <name>`."""
    made = build.Dashboard(f"Luthier / {name}").uid(f"luthier-{name}").description(description).tags([TAG]).readonly()
    made = made.time(span, "now").refresh("30s").timezone("browser").with_variable(data_source())
    made = made.tooltip(models.DashboardCursorSync.CROSSHAIR)
    link = build.DashboardLink("Luthier").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    made = made.link(link.include_vars(True).keep_time(True))
    for variable in variables:
        made = made.with_variable(variable)
    for annotation in annotations:
        made = made.annotation(annotation)
    for row in rows:
        made = made.with_row(build.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(panel)
    dashboard = made.build()
    for place, panel_or_row in enumerate(dashboard.panels or [], start=1):
        panel_or_row.id_val = place
    return dashboard
