"""What tests ask a Prometheus, besides what everybody does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scraping.server import Json, Prometheus


@dataclass(frozen=True)
class Running(Prometheus):
    """A Prometheus under a test's eyes."""

    def had_numbers(self, expr: str, begin: float, end: float) -> bool:
        """Tell whether an expression has had a number between two moments, not only NaN."""
        series = self.series(expr, begin, end)
        return any(not math.isnan(float(value)) for each in series for _, value in each["values"])

    def targets(self) -> list[Json]:
        """Return what it scrapes."""
        found: list[Json] = self.ask("targets", state="active")["activeTargets"]
        return found

    def rules(self) -> list[Json]:
        """Return its rules, each with its health and last error."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def alerts(self, name: str) -> list[Json]:
        """Return an alert's instances, pending and firing."""
        return [alert for alert in self.ask("alerts")["alerts"] if alert["labels"]["alertname"] == name]
