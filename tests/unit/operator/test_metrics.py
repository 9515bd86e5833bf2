"""Series of experiments, made from what the cache knows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from luthier.api.status import Status
from luthier.operator.cache import Cache
from luthier.operator.metrics import ExperimentCollector
from support.operator_builders import a_manifest


def page_of(status: Status) -> str:
    cache, registry = Cache(), CollectorRegistry()
    body = a_manifest() | {"status": status.to_json()}
    cache.keep_experiment(body | {"metadata": body["metadata"] | {"resourceVersion": "1"}})
    registry.register(ExperimentCollector(cache, lambda: True))
    return generate_latest(registry).decode()


def test_failures_are_counted_by_cause() -> None:
    page = page_of(Status(failure_counts={"OutOfMemory": 2, "Evicted": 1}))
    place = 'experiment="digits",namespace="team-a"'
    assert f'luthier_experiment_failures_total{{cause="OutOfMemory",{place}}} 2.0' in page
    assert f'luthier_experiment_failures_total{{cause="Evicted",{place}}} 1.0' in page
