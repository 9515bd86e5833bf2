"""What is read of pods' logs, and of which pods."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client

from luthier.cli.errors import Refusal
from luthier.cli.log_following import Sight
from luthier.cli.pod_logs import as_text, print_logs, sight_of
from unit.cli.builders import as_object, condition, status
from unit.cli.fake_cluster import Answer, FakeCluster

EXPERIMENT = as_object(status(condition("Running")))
EXPERIMENT["metadata"] = {"name": "digits", "namespace": "team", "uid": "12345", "resourceVersion": "1"}
ONE = b"2026-01-01T00:00:01Z t0001 | one\n2026-01-01T00:00:02Z t0002 | other\n"
TWO = b"2026-01-01T00:00:03Z t0001 | two\n"


def a_pod(number: int) -> dict[str, Any]:
    metadata = {"name": f"worker-{number}", "labels": {}, "creationTimestamp": f"2026-01-01T00:00:0{number}Z"}
    return {"metadata": metadata, "status": {"phase": "Running"}}


def print_trial(tmp_path, monkeypatch, *logs: Answer) -> None:
    """Print what trial t0001 has printed in pods with such logs."""
    pods = {"items": [a_pod(number) for number in range(len(logs))]}
    with FakeCluster(reads=[EXPERIMENT, pods, *logs]) as cluster:
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "team"}}],
            "clusters": [{"name": "here", "cluster": {"server": cluster.address}}],
            "users": [{"name": "me", "user": {}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        print_logs("digits", None, trial="t0001", follow=False, tail=None, write=as_text)


@pytest.mark.parametrize("answer", [400, 404], ids=["its container has not begun", "it has just gone"])
def test_a_trial_has_its_lines_of_the_other_pods_where_one_has_no_log(answer, tmp_path, monkeypatch, capsys):
    print_trial(tmp_path, monkeypatch, ONE, answer, TWO)
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_trial_without_a_line_in_any_pod_is_said_to_have_printed_nothing(tmp_path, monkeypatch):
    with pytest.raises(Refusal, match="t0001 has printed nothing"):
        print_trial(tmp_path, monkeypatch, 404, 400)


def test_a_right_that_is_lacking_is_said_and_not_taken_for_an_empty_log(tmp_path, monkeypatch):
    with pytest.raises(Refusal, match="The cluster refuses to show the log of pod worker-1"):
        print_trial(tmp_path, monkeypatch, ONE, 403)


def a_followed_pod(name: str, phase: str = "Running", **metadata: Any) -> client.V1Pod:
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name, **metadata), status=client.V1PodStatus(phase=phase))


def test_a_pod_that_is_to_go_is_waited_for_until_it_is_over_and_no_longer_though_its_node_is_lost() -> None:
    pods = [
        a_followed_pod("stays"),
        a_followed_pod("goes", deletion_timestamp=datetime(2026, 1, 1, tzinfo=UTC)),
        a_followed_pod("ended", "Succeeded"),
    ]
    there = frozenset({"stays", "goes", "ended"})
    assert sight_of(pods, is_over=False) == Sight(there, frozenset({"stays", "goes"}))
    assert sight_of(pods, is_over=True) == Sight(there, frozenset({"stays"}), is_over=True)
