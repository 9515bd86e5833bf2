"""The driver's own Prometheus series, computed from its newest report: one experiment, bounded labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from luthier.api.wire import Report


class ReportCollector(Collector):
    """Turns the newest report into series at each scrape."""

    def __init__(self, newest: Callable[[], Report | None]) -> None:
        """Read the newest report from here."""
        self._newest = newest

    def collect(self) -> Iterator[Metric]:
        """Yield the series of the newest report."""
        report = self._newest()
        if report is None:
            return
        trials = GaugeMetricFamily("luthier_driver_trials", "Trials by state.", labels=["state"])
        for state, count in report.trials:
            trials.add_metric([state], count)
        yield trials
        best = GaugeMetricFamily("luthier_driver_best", "Metrics of the best trial.", labels=["metric"])
        for name, value in (report.best.metrics if report.best else {}).items():
            best.add_metric([name], value)
        yield best
        yield CounterMetricFamily(
            "luthier_driver_gpu_seconds", "GPU-seconds that trials held.", value=report.usage.gpu_seconds
        )
        yield CounterMetricFamily(
            "luthier_driver_trial_seconds", "Seconds that trials held a slot.", value=report.usage.trial_seconds
        )
        failures = CounterMetricFamily(
            "luthier_driver_failures", "Bad ends of runs, retried or not, and of worker pods.", labels=["cause"]
        )
        for cause, count in report.failure_counts.items():
            failures.add_metric([cause], count)
        yield failures
        yield GaugeMetricFamily("luthier_driver_attempt", "Number of this attempt.", value=report.attempt)
        if report.population:
            yield CounterMetricFamily(
                "luthier_driver_exploits", "Copies of a winner's weights.", value=report.population.exploits
            )
