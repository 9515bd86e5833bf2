"""Which way there is to an experiment's archive, by the pods of its driver."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client

from luthier.api import keys
from luthier.cli.archives import Gone, Leaving, Starting
from luthier.cli.cluster import Experiments
from luthier.cli.windows import find_driver
from unit.cli.builders import as_object, condition, status
from unit.cli.fake_cluster import FakeCluster

EXPERIMENT = as_object(status(condition("Running", "False")))
EXPERIMENT["metadata"] = {"name": "digits", "namespace": "team", "uid": "12345", "resourceVersion": "1"}


def a_pod(phase: str, attempt: int = 1, **metadata: str) -> dict[str, Any]:
    labels = {keys.LABEL_ATTEMPT: str(attempt)}
    return {
        "metadata": {"name": f"digits-driver-{attempt}", "labels": labels, **metadata},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False"}]},
    }


GOES = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
PODS: dict[str, tuple[list[dict[str, Any]], type[Gone]]] = {
    "there is none": ([], Gone),
    "it has ended": ([a_pod("Succeeded"), a_pod("Failed", 2)], Gone),
    "it waits for its node": ([a_pod("Pending")], Starting),
    "it runs and does not answer yet": ([a_pod("Failed"), a_pod("Running", 2)], Starting),
    "it is on its way out": ([a_pod("Running", **GOES)], Leaving),
    "the one before it is on its way out": ([a_pod("Running", **GOES), a_pod("Pending", 2)], Leaving),
}


@pytest.mark.parametrize(("pods", "kind"), PODS.values(), ids=PODS.keys())
def test_where_no_driver_answers_it_is_said_how_it_stands(pods: list[dict[str, Any]], kind: type[Gone]) -> None:
    with FakeCluster(reads=[EXPERIMENT, {"items": pods}]) as cluster:
        settings = client.Configuration(host=cluster.address)
        with pytest.raises(Gone) as raised:
            find_driver(Experiments(client.ApiClient(settings), "team"), "digits")
    assert type(raised.value) is kind
