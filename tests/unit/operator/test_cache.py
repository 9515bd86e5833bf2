"""The cache: newest copy wins, whatever came first."""

from __future__ import annotations

from typing import Any

from luthier.api import keys
from luthier.operator.cache import Cache
from luthier.operator.manifests.names import ANNOTATION_RESTARTS

Json = dict[str, Any]
KEY = ("team-a", "digits")
OWNER = ("team-a", "u1")


def an_experiment(version: int, uid: str = "u1") -> Json:
    return {"metadata": {"namespace": "team-a", "name": "digits", "uid": uid, "resourceVersion": str(version)}}


def a_pod(name: str, version: int = 1, namespace: str = "team-a") -> Json:
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": name,
            "resourceVersion": str(version),
            "labels": {keys.LABEL_UID: "u1", keys.LABEL_EXPERIMENT: "digits"},
            "annotations": {ANNOTATION_RESTARTS: "2", keys.ANNOTATION_EXPERIMENT: "{}"},
            "managedFields": [{}],
        },
        "spec": {"containers": []},
        "status": {"phase": "Running"},
    }


def versions(cache: Cache) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["resourceVersion"] for pod in cache.pods(OWNER)}


def test_an_older_copy_does_not_replace_a_newer_one() -> None:
    cache = Cache()
    for version in (9, 10, 8):
        cache.keep_experiment(an_experiment(version))
        cache.keep_pod(a_pod("p", version))
    assert cache.experiment(KEY) == an_experiment(10)
    assert versions(cache) == {"p": "10"}


def test_a_new_experiment_of_the_same_name_replaces_the_old_one_and_outlives_its_deletion() -> None:
    cache = Cache()
    cache.keep_experiment(an_experiment(10))
    cache.keep_experiment(an_experiment(12, "u2"))
    cache.drop_experiment(an_experiment(11))
    assert cache.experiment(KEY) == an_experiment(12, "u2")
    cache.drop_experiment(an_experiment(13, "u2"))
    assert cache.experiment(KEY) is None


def test_a_list_ends_what_the_watch_did_not_tell_of_and_spares_what_is_younger() -> None:
    cache = Cache()
    for name in ("gone", "there"):
        cache.keep_pod(a_pod(name))
    known = {"gone", "there"}
    cache.keep_pod(a_pod("born meanwhile"))
    cache.replace_pods(OWNER, [a_pod("there", 2)], known)
    assert versions(cache) == {"there": "2", "born meanwhile": "1"}


def test_only_what_is_read_is_kept_of_a_pod() -> None:
    cache = Cache()
    cache.keep_pod(a_pod("p"))
    (kept,) = cache.pods(OWNER)
    assert set(kept) == {"metadata", "status"}
    assert kept["metadata"]["annotations"] == {ANNOTATION_RESTARTS: "2"}
    assert "managedFields" not in kept["metadata"]
    cache.drop_pod(a_pod("p"))
    assert cache.pods(OWNER) == []


def test_a_pod_of_another_namespace_belongs_to_nobody_here_whatever_its_labels_say() -> None:
    cache = Cache()
    cache.keep_pod(a_pod("forged", namespace="team-b"))
    assert cache.pods(OWNER) == []
