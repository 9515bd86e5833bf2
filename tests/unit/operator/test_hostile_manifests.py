"""Whatever somebody writes into an experiment, its labels, its annotations or its status: a round ends, and rests.

The manifests are sound ones in which parts were replaced: at any place that the schema knows, by what the schema
allows there or by anything else. Everything between the watch and the API server runs; no exception may leave it, no
plan be unsendable, and a second round with nothing new must have nothing to say.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from luthier.api import keys
from luthier.api.wire import Report, WireError, decode
from luthier.operator.cache import Cache
from luthier.operator.decide import decide
from luthier.operator.metrics import OperatorCollector
from luthier.operator.observation import Contact, Observation, PodState
from luthier.operator.observe import last_words, read_identity, read_spec, read_status
from luthier.operator.page import ExperimentPage
from luthier.operator.plan import Create
from luthier.operator.project import project, status_patch
from luthier.operator.sizing import MAX_STATUS_BYTES
from luthier.operator.story import tell
from support.hostile_manifests import PLACES, REPORTS, Path, bodies, changed
from support.operator_builders import (
    EVERYTHING_IS_THERE,
    NOTHING_IS_THERE,
    NOW,
    a_driver,
    a_driver_that_ended,
    a_manifest,
    a_worker,
)

EXAMPLES = int(os.environ.get("LUTHIER_HOSTILE_EXAMPLES", "1000"))
"""`make hostile`, which `make test` calls, takes ten thousand."""
Json = dict[str, Any]


def a_report_of(body: Json, sent: Any) -> Report | None:
    """Return what the operator takes a driver's words for."""
    if isinstance(sent, dict):
        sent = {"uid": body["metadata"]["uid"], "attempt": 1, **sent}
    try:
        return decode(json.dumps(sent).encode(errors="replace"))
    except WireError:
        return None


SITUATIONS = {
    "before anything was made": ((), NOTHING_IS_THERE),
    "with a driver and a worker": ((a_driver(), a_worker(0)), EVERYTHING_IS_THERE),
    "after the driver's end": ((a_driver_that_ended(1, message="\x00 no report"), a_worker(0)), EVERYTHING_IS_THERE),
    "while the driver leaves": ((a_driver(PodState.LEAVING),), EVERYTHING_IS_THERE),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@settings(
    max_examples=EXAMPLES // len(SITUATIONS),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(body=bodies(), sent=REPORTS)
def test_a_hostile_experiment_gets_a_round_and_then_rests(situation: str, body: Json, sent: Any) -> None:
    pods, things = SITUATIONS[situation]
    identity = read_identity(body)
    experiment, problems = read_spec(body)
    assert (experiment is None) == bool(problems)
    seen = Observation(
        identity=identity,
        experiment=experiment,
        problems=problems,
        previous=read_status(body),
        drivers=tuple(pod for pod in pods if pod.role == keys.ROLE_DRIVER),
        workers=tuple(pod for pod in pods if pod.role == keys.ROLE_WORKER),
        things=things,
        contact=Contact(attempt=1, report=a_report_of(body, sent)),
    )
    seen = replace(seen, last_words=last_words(seen))

    decision = decide(seen, NOW)
    for action in decision.actions:
        sendable(action.manifest if isinstance(action, Create) else str(action))
    status = project(seen, decision, NOW)
    patch = status_patch(body.get("status") or {}, status)
    sendable(patch)
    assert len(json.dumps(status.to_json())) <= MAX_STATUS_BYTES
    for happening in tell(seen.previous, status):
        sendable([happening.reason, happening.message])

    written = {**body, "status": {key: value for key, value in status.to_json().items() if value is not None}}
    check_metrics(written)
    again = replace(seen, previous=read_status(written))
    assert again.previous.conditions == status.conditions
    second = decide(again, NOW)
    assert status_patch(written["status"], project(again, second, NOW)) == {}
    assert second.look_again is None or second.look_again > NOW


def sendable(value: Any) -> None:
    """Check that this can go to the API server: JSON, finite, and text that UTF-8 can say."""
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def check_metrics(body: Json) -> None:
    """Check that a scrape succeeds whatever an experiment is called and says."""
    cache, registry = Cache(), CollectorRegistry()
    cache.keep_experiment(body)
    registry.register(OperatorCollector(lambda: True))
    page = generate_latest(registry) + ExperimentPage(cache, lambda: True).render()
    assert list(text_string_to_metric_families(page.decode()))


@pytest.mark.parametrize("path", [path for path, _ in PLACES], ids=str)
def test_every_place_of_the_schema_can_be_reached(path: Path) -> None:
    at: Any = changed(a_manifest()["spec"], [(path, "here")])
    for step in path:
        at = at[step]
    assert at == "here"
