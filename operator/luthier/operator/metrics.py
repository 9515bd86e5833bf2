"""The operator's metrics: objectives and costs of experiments from the cache, and how the operator itself does.

Experiments' series are made when somebody asks, from what is known at that moment, so they
end with their experiment.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from luthier.api.status import Status
from luthier.operator.cache import Cache
from luthier.operator.cluster import Json
from luthier.operator.observe import read_status

STATES = ("Pending", "Running", "Suspended", "Stalled", "Succeeded", "Failed", "Rejected")
TRIAL_STATES = ("pending", "running", "paused", "succeeded", "stopped", "failed")
Family = GaugeMetricFamily | CounterMetricFamily | InfoMetricFamily


class Rounds:
    """How the operator's own work goes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "luthier_reconcile_duration_seconds",
            "Seconds that one round for one experiment took.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
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

    def count_error(self, reason: str) -> None:
        """Count a round that ended in an error."""
        self._errors.labels(reason).inc()

    def count_request(self, verb: str, code: str) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, code).inc()


class ExperimentCollector(Collector):
    """Series of all experiments that are known now."""

    def __init__(self, cache: Cache, leads: Callable[[], bool]) -> None:
        self._cache = cache
        self._leads = leads

    def collect(self) -> Iterator[Family]:
        """Return the families, made from the cache; a standby tells of no experiment, or sums would count it twice."""
        leads = self._leads()
        yield _build_info()
        yield GaugeMetricFamily("luthier_operator_leader", "1 on the operator that acts, 0 on others.", value=leads)
        if not leads:
            return
        known = [(body, read_status(body)) for body in self._cache.experiments()]
        yield _experiments(known)
        yield from _per_experiment(known)

    def describe(self) -> list[Family]:
        """Say nothing beforehand: registering must not read the cache."""
        return []


def _build_info() -> Family:
    info = InfoMetricFamily("luthier_build", "Version of the operator.")
    info.add_metric([], {"version": metadata.version("luthier")})
    return info


def _experiments(known: list[tuple[Json, Status]]) -> Family:
    family = GaugeMetricFamily("luthier_experiments", "Experiments by state.", labels=["state"])
    tally = Tally(status.state or "Pending" for _, status in known)
    for state in STATES:
        family.add_metric([state], tally[state])
    return family


def _per_experiment(known: list[tuple[Json, Status]]) -> Iterator[Family]:
    place = ["namespace", "experiment"]
    trials = GaugeMetricFamily("luthier_trials", "Trials by state.", labels=[*place, "state"])
    best = GaugeMetricFamily(
        "luthier_best_objective", "Best value of the primary objective.", labels=[*place, "metric", "direction"]
    )
    gpu = CounterMetricFamily("luthier_gpu_seconds", "GPU-seconds that trials held.", labels=place)
    slots = CounterMetricFamily("luthier_trial_seconds", "Seconds that trials held a slot.", labels=place)
    failures = CounterMetricFamily(
        "luthier_experiment_failures", "Runs and worker pods that ended badly, by cause.", labels=[*place, "cause"]
    )
    for body, status in known:
        where = [body["metadata"].get("namespace", ""), body["metadata"]["name"]]
        counts = status.trials.model_dump()
        for state in TRIAL_STATES:
            trials.add_metric([*where, state], counts[state])
        gpu.add_metric(where, status.usage.gpu_seconds)
        slots.add_metric(where, status.usage.trial_seconds)
        for cause, count in status.failure_counts.items():
            failures.add_metric([*where, cause], count)
        objective = _primary_objective(body)
        value = status.best.metrics.get(objective[0]) if status.best is not None and objective else None
        if value is not None and objective:
            best.add_metric([*where, *objective], value)
    yield from (trials, best, gpu, slots, failures)


def _primary_objective(body: Json) -> tuple[str, str] | None:
    objectives = (body.get("spec") or {}).get("objectives") or []
    first = objectives[0] if isinstance(objectives, list) and objectives else None
    return (str(first.get("metric")), str(first.get("direction"))) if isinstance(first, dict) else None
