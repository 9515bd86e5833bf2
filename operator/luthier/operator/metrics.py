"""How the operator itself does, as Prometheus metrics; what experiments do is in `series` and `page`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

WAIT_BUCKETS = (1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400)
Family = GaugeMetricFamily | InfoMetricFamily


class Rounds:
    """How the operator's own work goes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "luthier_reconcile_duration_seconds",
            "Seconds that one round for one experiment took.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._lag = Histogram(
            "luthier_reconcile_lag_seconds",
            "Seconds from when a round for one experiment was due until it began.",
            buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self._last = Gauge(
            "luthier_last_reconcile_timestamp_seconds",
            "When a round last ended, in seconds since 1970; 0 before the first.",
            registry=registry,
        )
        self._errors = Counter(
            "luthier_reconcile_errors", "Rounds that ended in an error.", ["reason"], registry=registry
        )
        self._requests = Counter(
            "luthier_api_requests", "Requests to the API server.", ["verb", "code"], registry=registry
        )

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure one round."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self._seconds.observe(time.monotonic() - begin)
            self._last.set_to_current_time()

    def count_lag(self, seconds: float) -> None:
        """Take in how late a round begins."""
        self._lag.observe(seconds)

    def count_error(self, reason: str) -> None:
        """Count a round that ended in an error."""
        self._errors.labels(reason).inc()

    def count_request(self, verb: str, code: str) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, code).inc()


class Arrivals:
    """How long drivers let people wait: each attempt counts once, and not again after the operator's restart."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waits = Histogram(
            "luthier_queue_wait_seconds",
            "Seconds from an experiment's creation until its driver ran; of a later driver, from its pod's creation. "
            "Drivers that came to run while no operator looked are not counted.",
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._startups = Histogram(
            "luthier_startup_seconds",
            "Seconds from the creation of a driver's pod until the first result. "
            "Those that came while no operator looked are not counted.",
            buckets=WAIT_BUCKETS,
            registry=registry,
        )

    def count_wait(self, seconds: float) -> None:
        """Take in how long a driver took to run."""
        self._waits.observe(seconds)

    def count_startup(self, seconds: float) -> None:
        """Take in how long the first result took."""
        self._startups.observe(seconds)


class OperatorCollector(Collector):
    """Who leads, and what version it is."""

    def __init__(self, leads: Callable[[], bool]) -> None:
        self._leads = leads

    def collect(self) -> Iterator[Family]:
        """Yield both."""
        yield _build_info()
        yield GaugeMetricFamily(
            "luthier_operator_leader", "1 on the operator that acts, 0 on others.", value=self._leads()
        )

    def describe(self) -> list[Family]:
        """Say nothing beforehand: nobody is asked at registration."""
        return []


def _build_info() -> Family:
    info = InfoMetricFamily("luthier_build", "Version of the operator.")
    info.add_metric([], {"version": metadata.version("luthier")})
    return info
