"""Experiments that have a value for every series, and the page that is made of them."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from luthier.api.failures import Cause
from luthier.api.status import (
    RUNGS_SHOWN,
    Activity,
    CheckpointCounts,
    Progress,
    RungCount,
    Status,
    TrialCounts,
    Usage,
    Waste,
    WorkerCounts,
)
from luthier.api.wire import Report
from luthier.operator.cache import Cache
from luthier.operator.page import ExperimentPage
from support.operator_builders import NOW, a_best, a_condition, a_manifest, a_status, ago

Json = dict[str, Any]
Samples = dict[tuple[str, ...], float]


def a_full_status(**fields: Any) -> Status:
    """A stalled population with as many causes and rungs as there can be."""
    waste = {cause.value: 10.0 + number for number, cause in enumerate(Waste)}
    by_cause = {cause.value: 1 + number for number, cause in enumerate(Cause)}
    rungs = [RungCount(iterations=2**power, promoted=3, stopped=power) for power in range(RUNGS_SHOWN)]
    given: Json = {
        "state": "Stalled",
        "attempt": 2,
        "restarts": 1,
        "trials": TrialCounts(total=8, running=2, succeeded=3, failed=1),
        "best": a_best(),
        "progress": Progress(percent=37, eta_seconds=260),
        "usage": Usage(
            trial_seconds=100,
            gpu_seconds=7200,
            running_seconds=1800,
            wasted_trial_seconds=waste,
            wasted_gpu_seconds=waste,
        ),
        "failure_counts": by_cause,
        "last_result_time": ago(5),
        "last_improvement_time": ago(65),
        "activity": Activity(
            exploits=7,
            explores=6,
            checkpoints=CheckpointCounts(saved=9, bytes=4096, seconds=1.5, failures=1),
            retries=by_cause,
            rungs=rungs,
        ),
        "workers": WorkerCounts(desired=4, ready=3),
    }
    return a_status(a_condition("Running"), a_condition("Stalled", reason="ImagePull"), **{**given, **fields})


def a_body(status: Status, *, name: str = "digits", uid: str = "uid-1", version: int = 1, **spec: Any) -> Json:
    """An experiment as the API server stores it."""
    body = a_manifest(**{"scheduler": {"pbt": {"perturbationInterval": 2}}, **spec})
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "creationTimestamp": "2026-11-21T11:00:00Z"}
    return body | {"metadata": body["metadata"] | metadata, "status": status.to_json()}


def a_page(cache: Cache, *reports: Report, leads: bool = True) -> ExperimentPage:
    """The page of a cache; each report is of the experiment whose uid it carries."""
    by_uid = {report.uid: report for report in reports}
    return ExperimentPage(cache, lambda: leads, by_uid.get)


def cached(*bodies: Json) -> Cache:
    cache = Cache()
    for body in bodies:
        cache.keep_experiment(body)
    return cache


def samples_of(page: bytes, experiment: str = "digits") -> Samples:
    """Values by name and further labels of one experiment's series, as a Prometheus reads them."""
    found: Samples = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            if (labels.pop("experiment", None), labels.pop("namespace", None)) == (experiment, "team-a"):
                found[(sample.name, *(labels[key] for key in sorted(labels)))] = sample.value
    return found


CREATED = NOW.timestamp() - 3600
