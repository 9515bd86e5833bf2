import json

import pytest
from kubernetes import client

from luthier.cli.cluster import Experiments, connect
from luthier.cli.errors import Exit, Refusal
from luthier.cli.snapshot import of_object
from luthier.cli.watch import until_end
from unit.cli.builders import as_object, condition, status
from unit.cli.fake_cluster import FakeCluster


def experiments(cluster: FakeCluster, naps: list[float] | None = None) -> Experiments:
    settings = client.Configuration(host=cluster.address)
    settings.retries = False
    return Experiments(client.ApiClient(settings), "team", sleep=(naps if naps is not None else []).append)


def at(version: int, type_: str = "Running") -> dict:
    return as_object(status(condition(type_)), version=version)


def modified(obj: dict) -> dict:
    return {"type": "MODIFIED", "object": obj}


def seen(cluster: FakeCluster, naps: list[float] | None = None) -> list[str]:
    """States shown until the experiment has ended."""
    states: list[str] = []
    until_end(experiments(cluster, naps).follow("digits"), lambda snapshot: states.append(snapshot.state))
    return states


def test_changes_are_shown_until_the_end():
    with FakeCluster(reads=[at(1)], watches=[[modified(at(2)), modified(at(3, "Succeeded"))]]) as cluster:
        assert seen(cluster) == ["Running", "Running", "Succeeded"]


def test_a_round_of_watching_without_changes_is_followed_by_another():
    with FakeCluster(reads=[at(1)], watches=[[], [], [modified(at(2, "Failed"))]]) as cluster:
        assert seen(cluster) == ["Running", "Running", "Running", "Failed"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(500, id="the API server has an error"),
        pytest.param(410, id="the version that was seen is too old"),
        pytest.param('{"type": "MODI', id="a line is cut and the connection breaks"),
    ],
)
def test_a_lost_connection_is_said_and_made_anew(broken):
    naps: list[float] = []
    with FakeCluster(reads=[at(1), at(5)], watches=[broken, [modified(at(6, "Succeeded"))]]) as cluster:
        assert seen(cluster, naps) == ["Running", "Unreachable", "Running", "Succeeded"]
    assert len(naps) == 1


def test_pauses_between_attempts_grow_up_to_a_limit():
    naps: list[float] = []
    with FakeCluster(reads=[at(1)], watches=[503] * 7 + [[modified(at(2, "Succeeded"))]]) as cluster:
        seen(cluster, naps)
    assert naps == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_an_end_that_fell_into_a_gap_is_seen():
    with FakeCluster(reads=[at(1), at(9, "Succeeded")], watches=[500]) as cluster:
        assert seen(cluster) == ["Running", "Unreachable", "Succeeded"]


def test_deletion_ends_the_watching():
    gone = [{"type": "DELETED", "object": at(2)}]
    with FakeCluster(reads=[at(1)], watches=[gone]) as cluster, pytest.raises(Refusal, match="was deleted") as refused:
        seen(cluster)
    assert refused.value.code is Exit.FAILED


def test_deletion_in_a_gap_ends_the_watching():
    with FakeCluster(reads=[at(1), 404], watches=[[]]) as cluster, pytest.raises(Refusal, match="deleted while"):
        seen(cluster)


def test_an_experiment_that_does_not_end_in_time_is_a_failure():
    with FakeCluster(reads=[at(1)]) as cluster:
        clock = iter(range(0, 1000, 7))
        with pytest.raises(Refusal, match="has not ended within 20 s: it is Running") as refused:
            until_end(experiments(cluster).follow("digits"), lambda _: None, timeout=20, now=lambda: next(clock))
    assert refused.value.code is Exit.FAILED


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(404, "There is no TuningExperiment digits in namespace team", id="no such experiment"),
        pytest.param(403, "The cluster refuses: no: 403", id="no right to see it"),
        pytest.param(500, "answers with an error: no: 500", id="an error of the server"),
    ],
)
def test_what_can_not_be_read_is_said_in_a_sentence_with_a_hint(answer, said):
    with FakeCluster(reads=[answer]) as cluster, pytest.raises(Refusal, match=said) as refused:
        experiments(cluster).read("digits")
    assert refused.value.hint


def test_a_cluster_without_luthier_is_told_from_an_experiment_that_is_missing():
    with (
        FakeCluster(reads=[404]) as cluster,
        pytest.raises(Refusal, match="does not know TuningExperiments") as refused,
    ):
        raise experiments(cluster)._refusal("digits", client.ApiException(status=404))
    assert "helm install" in refused.value.hint


def test_no_answer_at_all_is_said():
    with FakeCluster(reads=[at(1)]) as cluster:
        gone = experiments(cluster)
    with pytest.raises(Refusal, match="The cluster does not answer"):
        gone.read("digits")


@pytest.mark.parametrize("name", [".", "..", "../secrets/x", "a%20b", "Upper", "", "a" * 254, "x?watch=true", "-x"])
def test_a_name_that_can_be_none_leads_nowhere_in_the_servers_paths(name):
    with FakeCluster(reads=[at(1)]) as cluster:
        for ask in (experiments(cluster).read, lambda name: experiments(cluster).patch(name, {})):
            with pytest.raises(Refusal, match="can't be the name of an experiment"):
                ask(name)


def test_a_cluster_without_the_definition_is_said_when_experiments_are_listed():
    with FakeCluster(reads=[404]) as cluster, pytest.raises(Refusal, match="does not know TuningExperiments"):
        experiments(cluster).list()


CLUSTER = {
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
    "current-context": "x",
}


def kubeconfig(path, text, monkeypatch) -> None:
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))


def test_the_namespace_is_that_of_the_context_unless_another_one_is_named(tmp_path, monkeypatch):
    kubeconfig(tmp_path / "config", json.dumps(CLUSTER), monkeypatch)
    assert connect(None).namespace == "team"
    assert connect("other").namespace == "other"


@pytest.mark.parametrize("namespace", ["../../api", "a/b", "A"])
def test_a_namespace_that_can_be_none_is_refused(tmp_path, monkeypatch, namespace):
    kubeconfig(tmp_path / "config", json.dumps(CLUSTER), monkeypatch)
    with pytest.raises(Refusal, match="can't be the name of a namespace"):
        connect(namespace)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("not: [yaml", id="no YAML"),
        pytest.param("", id="nothing"),
        pytest.param("{apiVersion: v1, kind: Config}", id="no context"),
        pytest.param(json.dumps(CLUSTER | {"current-context": "gone"}), id="a context that is not there"),
        pytest.param(json.dumps(CLUSTER | {"clusters": None}), id="no cluster"),
        pytest.param('"words"', id="no object"),
    ],
)
def test_a_kubeconfig_that_can_not_be_used_is_named_with_the_reason(tmp_path, monkeypatch, text):
    kubeconfig(tmp_path / "config", text, monkeypatch)
    with pytest.raises(Refusal, match=f"The kubeconfig {tmp_path}/config can't be used: .") as refused:
        connect(None)
    assert refused.value.code is Exit.BAD_INPUT


def test_a_status_that_this_version_can_not_read_is_said():
    broken = at(1)
    broken["status"]["trials"] = {"total": "many"}
    with pytest.raises(Refusal, match=r"digits can't be read: trials\.total"):
        of_object(broken)
