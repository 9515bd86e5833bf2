"""What stands in an experiment's way is named within a minute, by the real kubelet's and scheduler's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import pytest

from install import Installed
from luthier.api import keys
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, a_place, condition, has_failed
from support.e2e_relay import chosen
from support.e2e_wait import until

WITHIN_SECONDS = 60


def with_driver_variable_from(secret: str) -> Json:
    source = {"secretKeyRef": {"name": secret, "key": "password"}}
    container = {"name": keys.CONTAINER, "env": [{"name": "PASSWORD", "valueFrom": source}]}
    return {"template": {"spec": {"containers": [container]}}}


def fill_quota(place: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    place.apply(quota)
    until("the quota counts", lambda: place.objects("resourcequotas")[0].get("status", {}).get("hard"), within=20)


def limit_cpu(place: Place) -> None:
    limit = {"type": "Container", "max": {"cpu": "1"}, "defaultRequest": {"cpu": "0.1"}}
    place.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}})


def with_driver_cpu(cores: str) -> Json:
    container = {"name": keys.CONTAINER, "resources": {"limits": {"cpu": cores}}}
    return {"template": {"spec": {"containers": [container]}}}


ROOTS_FOLDER = "/usr/share"
"""A folder of every node in which only root may write."""


def give_roots_folder(place: Place) -> None:
    """Make a claim whose volume no group is set on, as on many a file server."""
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": place.name}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "rooted"}}
    place.apply(claim | {"spec": spec | {"resources": {"requests": {"storage": "64Mi"}}}})
    volume = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "64Mi"},
        "hostPath": {"path": ROOTS_FOLDER, "type": "Directory"},
        "claimRef": {"namespace": place.name, "name": "rooted"},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    place.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": place.name}, "spec": volume})


def take_roots_folder(place: Place) -> None:
    place.kubectl("delete", "persistentvolumeclaim/rooted", f"persistentvolume/{place.name}", "--wait=false")


AS_ROOT = {"name": keys.CONTAINER, "securityContext": {"runAsUser": 0}}
WORKERS_AS_ROOT = {"max": 1, "template": {"spec": {"containers": [AS_ROOT]}}}


def nothing(place: Place) -> None:
    """Leave the namespace as it is."""


@dataclass(frozen=True)
class Stall:
    """One obstacle, and how it is to be named."""

    short: str
    experiment: Json
    reason: str
    says: str
    prepare: Callable[[Place], None] = nothing
    clear: Callable[[Place], None] = nothing


def stall(
    short: str,
    reason: str,
    says: str,
    prepare: Callable[[Place], None] = nothing,
    clear: Callable[[Place], None] = nothing,
    **changes: Json,
) -> Stall:
    return Stall(short, steady("stuck", **changes), reason, says, prepare, clear)


TRIAL = steady("stuck")["spec"]["trial"]
STALLS = {
    "no node has that many GPUs": stall(
        "gpus",
        "Unschedulable",
        "not enough nvidia.com/gpu",
        trial=TRIAL | {"resources": {"gpu": 64}},
        workers={"max": 1},
    ),
    "the image does not exist": stall(
        "image", "ImagePull", "localhost/luthier/absent:1", trial=TRIAL | {"image": "localhost/luthier/absent:1"}
    ),
    "the ConfigMap with the code is missing": stall(
        "configmap", "ConfigMapNotFound", "ConfigMap lost-code", trial=TRIAL | {"source": {"configMap": "lost-code"}}
    ),
    "the quota is full": stall("quota", "QuotaExceeded", "exceeded quota: full", prepare=fill_quota),
    "Pod Security refuses the workers": stall("security", "Forbidden", "violates PodSecurity", workers=WORKERS_AS_ROOT),
    "a limit range refuses the driver": stall(
        "limits", "Forbidden", "maximum cpu usage", prepare=limit_cpu, driver=with_driver_cpu("2")
    ),
    "the template names a service account that is not there": stall(
        "account",
        "Forbidden",
        "nobody-made-it",
        driver={"template": {"spec": {"serviceAccountName": "nobody-made-it"}}},
    ),
    "the named claim is missing": stall(
        "claim", "ClaimNotFound", "PersistentVolumeClaim team-storage", storage={"claimName": "team-storage"}
    ),
    "the storage belongs to root": stall(
        "rooted",
        "StorageNotWritable",
        "written by user 1000",
        prepare=give_roots_folder,
        clear=take_roots_folder,
        storage={"claimName": "rooted"},
    ),
    "a Secret of the template is missing": stall(
        "secret", "SecretNotFound", '"team-password"', driver=with_driver_variable_from("team-password")
    ),
    "the metric is never reported": stall(
        "metric",
        "MetricMissing",
        "'accuracy'; they carry count",
        objectives=[{"metric": "accuracy", "direction": "Maximize"}],
        budget={"iterationsPerTrial": 500},
    ),
}


@pytest.fixture(scope="module")
def places(installed: Installed, request: pytest.FixtureRequest) -> Iterator[dict[str, Place]]:
    """All of them at the same time: they cost little, and what is measured is waiting."""
    with ExitStack() as stack:
        made: dict[str, Place] = {}
        for stuck in chosen(request, "stuck"):
            made[stuck.short] = stack.enter_context(a_place(installed, f"stall-{stuck.short}"))
            stuck.prepare(made[stuck.short])
            made[stuck.short].apply(stuck.experiment)
        yield made


@pytest.fixture
def place(places: dict[str, Place], stuck: Stall, request: pytest.FixtureRequest) -> Iterator[Place]:
    yield places[stuck.short]
    stuck.clear(places[stuck.short])
    if not has_failed(request.node):
        places[stuck.short].check_that_deletion_leaves_nothing()


@pytest.mark.parametrize("stuck", [pytest.param(row, id=sentence) for sentence, row in STALLS.items()])
def test_an_obstacle_is_named_within_a_minute(place: Place, stuck: Stall) -> None:
    def named() -> Json | None:
        said = condition(place.status("stuck"), "Stalled")
        return said if said["status"] == "True" and said["reason"] == stuck.reason else None

    said = until(f"Stalled says {stuck.reason}", named, within=WITHIN_SECONDS)

    assert stuck.says in said["message"]
    assert seconds_until(place, said) <= WITHIN_SECONDS
    assert place.kubectl("get", keys.SHORT_NAME, "stuck", "--no-headers").split()[1] == "Stalled"


def seconds_until(place: Place, said: Json) -> float:
    created = place.experiment("stuck")["metadata"]["creationTimestamp"]
    return (datetime.fromisoformat(said["lastTransitionTime"]) - datetime.fromisoformat(created)).total_seconds()
