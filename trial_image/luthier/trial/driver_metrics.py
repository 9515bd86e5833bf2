"""The driver's own Prometheus series: one experiment, from its newest report and a snapshot of its trials.

`spec.driver.metrics` says how much: nothing, one experiment's few figures, or each of its trials too. Labels are
bounded: a hundred trials with sixteen metrics each, and the series that says how many more there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from luthier.api.experiment import DriverMetrics
from luthier.api.wire import Report
from luthier.trial.search.searcher import Searcher
from luthier.trial.search.timed import TimedSearcher
from luthier.trial.snapshot import Snapshot, TrialView


class DriverPage(Collector):
    """Turns the newest report and snapshot into series at each scrape."""

    def __init__(self, newest: Callable[[], Report | None]) -> None:
        """Read the newest report from here."""
        self._newest = newest
        self._experiment = ""
        self.detail = DriverMetrics.SUMMARY
        self._snapshot = Snapshot()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._seconds = Histogram(
            "luthier_driver_suggestion_seconds",
            "Seconds that the search algorithm took for one proposal.",
            ["experiment"],
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 15, 60),
            registry=self._registry,
        )

    def begin(self, experiment: str, detail: DriverMetrics) -> None:
        """Say whose series these are, and how many of them are wanted."""
        self._experiment, self.detail = experiment, detail

    def timed(self, searcher: Searcher) -> Searcher:
        """Return a searcher that does the same, and whose proposals are timed."""
        return TimedSearcher(searcher, self._seconds.labels(self._experiment).observe)

    def show(self, snapshot: Snapshot) -> None:
        """Make a snapshot the newest."""
        self._snapshot = snapshot

    def render(self) -> bytes | None:
        """Return the page; None where none is wanted."""
        return None if self.detail is DriverMetrics.NONE else generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Say nothing beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the series of the newest report and snapshot."""
        report, snapshot = self._newest(), self._snapshot
        if report is None:
            return
        yield from self._of_report(report)
        yield self._resources(snapshot)
        if self.detail is DriverMetrics.FULL:
            yield from self._of_trials(snapshot)

    def _of_report(self, report: Report) -> Iterator[Metric]:
        trials = self._gauge("trials", "Trials by state.", "state")
        for state, count in report.trials:
            trials.add_metric([self._experiment, state], count)
        yield trials
        best = self._gauge("best", "Metrics of the best trial.", "metric")
        for name, value in (report.best.metrics if report.best else {}).items():
            best.add_metric([self._experiment, name], value)
        yield best
        yield self._counter("gpu_seconds", "GPU-seconds that trials held.", report.usage.gpu_seconds)
        yield self._counter("trial_seconds", "Seconds that trials held a slot.", report.usage.trial_seconds)
        failures = CounterMetricFamily(
            "luthier_driver_failures",
            "Bad ends of runs, retried or not, and of worker pods.",
            labels=["experiment", "cause"],
        )
        for cause, count in report.failure_counts.items():
            failures.add_metric([self._experiment, cause], count)
        yield failures
        attempt = self._gauge("attempt", "Number of this attempt.")
        attempt.add_metric([self._experiment], report.attempt)
        yield attempt
        if report.population:
            yield self._counter("exploits", "Copies of a winner's weights.", report.population.exploits)
            generation = self._gauge("generation", "Perturbation intervals that the slowest member has lived through.")
            generation.add_metric([self._experiment], report.population.generation)
            yield generation

    def _resources(self, snapshot: Snapshot) -> Metric:
        family = self._gauge("ray_resources", "What Ray's nodes have, and what of it is in use.", "resource", "kind")
        for resource, (total, used) in snapshot.resources.items():
            family.add_metric([self._experiment, resource, "total"], total)
            family.add_metric([self._experiment, resource, "used"], used)
        return family

    def _of_trials(self, snapshot: Snapshot) -> Iterator[Metric]:
        iteration = self._gauge("trial_iteration", "Results that a trial has reported.", "trial")
        metric = self._gauge("trial_metric", "A trial's last result.", "trial", "metric")
        parameter = self._gauge("trial_parameter", "A trial's number for a parameter.", "trial", "parameter")
        choice = self._gauge(
            "trial_choice_info", "1 for a trial's choice for a parameter.", "trial", "parameter", "value"
        )
        for view in snapshot.trials:
            trial = [self._experiment, view.name]
            iteration.add_metric(trial, view.iteration)
            for name, value in view.metrics.items():
                metric.add_metric([*trial, name], value)
            _add_values(view, trial, parameter, choice)
        hidden = self._gauge("trials_not_shown", "Trials that have no series of their own, for there are too many.")
        hidden.add_metric([self._experiment], snapshot.not_shown)
        yield from (iteration, metric, parameter, choice, hidden)

    def _gauge(self, name: str, words: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"luthier_driver_{name}", words, labels=["experiment", *labels])

    def _counter(self, name: str, words: str, value: float) -> CounterMetricFamily:
        family = CounterMetricFamily(f"luthier_driver_{name}", words, labels=["experiment"])
        family.add_metric([self._experiment], value)
        return family


def _add_values(view: TrialView, trial: list[str], parameter: GaugeMetricFamily, choice: GaugeMetricFamily) -> None:
    """Numbers are values, a Boolean is 0 or 1, and words are labels."""
    for name, value in view.values.items():
        if isinstance(value, str):
            choice.add_metric([*trial, name, value], 1)
        else:
            parameter.add_metric([*trial, name], float(value))
