"""A ledger and its checkpoints read from a folder and over real HTTP: the same records and files, or a refusal."""

import itertools
import os
from http.client import HTTPConnection

import pytest

from luthier.cli import results
from luthier.cli.archives import Folder, Window
from luthier.cli.errors import Refusal
from luthier.cli.reader_pod import image_of, reader_pod
from luthier.cli.records import fetch_checkpoint, open_records, records_of
from luthier.trial.archive import Archive
from luthier.trial.checkpoints import save, verify
from luthier.trial.ledger import Ledger
from luthier.trial.records import AttemptStarted, CheckpointSaved
from luthier.trial.server import ProgressServer
from unit.cli.builders import experiment

CHECKPOINT = "trials/t0003_1_1/checkpoint_000008"
RECORDS = [
    AttemptStarted(time=1, attempt=1),
    CheckpointSaved(time=2, trial="t0003", iteration=8, checkpoint=CHECKPOINT),
]


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "digits-1"
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "model.bin").write_bytes(os.urandom(300_000))
    save(tmp_path / "source", directory / CHECKPOINT)
    results.keep_experiment(directory, experiment(), manifest=tmp_path, code=tmp_path)
    ledger = Ledger(directory, 1)
    for record in RECORDS:
        ledger.append(record)
    ledger.close()
    return directory


@pytest.fixture
def server(folder):
    server = ProgressServer(0, "token", "127.0.0.1")
    server.archive = Archive(folder)
    yield server
    server.close()


def window_of(server, token="token"):
    return Window({}, lambda: HTTPConnection("127.0.0.1", server.port, timeout=10), token)


@pytest.fixture(params=["folder", "HTTP"])
def archive(request, folder):
    return Folder(folder) if request.param == "folder" else window_of(request.getfixturevalue("server"))


def test_the_records_are_those_that_were_written(archive):
    assert list(records_of(archive.lines())) == RECORDS


def test_only_what_is_new_is_read(archive):
    first = next(iter(archive.lines()))
    assert list(records_of(archive.lines(len(first)))) == RECORDS[1:]
    whole = len(b"".join(archive.lines()))
    assert list(archive.lines(whole)) == []


def test_who_needs_no_more_leaves_in_the_middle(archive):
    assert list(records_of(itertools.islice(archive.lines(), 1))) == RECORDS[:1]


def test_a_copied_checkpoint_is_whole(archive, tmp_path):
    archive.copy(CHECKPOINT, tmp_path / "new" / "best")
    verify(tmp_path / "new" / "best")
    copied = tmp_path / "new" / "best" / "model.bin"
    assert copied.read_bytes() == (tmp_path / "source" / "model.bin").read_bytes()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["best"]


def test_a_checkpoint_is_copied_into_an_empty_folder_but_over_nothing(archive, tmp_path):
    archive.copy(CHECKPOINT, tmp_path / "best")
    with pytest.raises(Refusal, match="is there already"):
        archive.copy(CHECKPOINT, tmp_path / "best")
    (tmp_path / "empty").mkdir()
    archive.copy(CHECKPOINT, tmp_path / "empty")
    verify(tmp_path / "empty")


def test_a_checkpoint_that_is_not_there_is_said(archive, tmp_path):
    with pytest.raises(Refusal, match="no checkpoint that is kept"):
        archive.copy("trials/none", tmp_path / "best")
    assert not (tmp_path / "best").exists()


def test_a_damaged_checkpoint_leaves_nothing(archive, folder, tmp_path):
    (folder / CHECKPOINT / "model.bin").write_bytes(b"torn")
    with pytest.raises(Refusal, match="is damaged"):
        archive.copy(CHECKPOINT, tmp_path / "best")
    assert not (tmp_path / "best").exists()


def test_a_place_that_can_not_be_written_is_said(archive, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="can't be written"):
        archive.copy(CHECKPOINT, tmp_path / "file" / "best")


def test_a_checkpoint_that_breaks_off_is_no_checkpoint(folder, tmp_path):
    class Vanishing(Archive):
        def pack(self, folder, sink):
            sink.write(b"\0" * 512)
            raise OSError("gone")

    server = ProgressServer(0, "token", "127.0.0.1")
    server.archive = Vanishing(folder)
    with pytest.raises(Refusal, match="broke off"):
        window_of(server).copy(CHECKPOINT, tmp_path / "best")
    server.close()
    assert not (tmp_path / "best").exists()


def test_a_pod_without_the_pages_is_of_an_older_version(server):
    with pytest.raises(Refusal, match="no /report"), window_of(server).get("/report"):
        pass


def test_a_wrong_token_is_said(server):
    with pytest.raises(Refusal, match="token is needed"):
        list(window_of(server, "another").lines())


def test_nobody_there_is_said(server):
    window = window_of(server)
    server.close()
    with pytest.raises(Refusal, match="broke off"):
        list(window.lines())


def test_a_line_that_is_no_record_is_named():
    with pytest.raises(Refusal, match="Line 2"):
        list(records_of([b'{"kind": "exhausted", "time": 1}', b'{"kind": "magic"}']))


def test_a_folder_is_read_by_its_name(folder, tmp_path):
    assert list(open_records(str(folder))) == RECORDS
    fetch_checkpoint(str(folder), None, CHECKPOINT, tmp_path / "best")
    verify(tmp_path / "best")


OBJECT = {
    "metadata": {"name": "digits", "namespace": "team", "uid": "12345678-aaaa"},
    "spec": {"storage": {}},
}


def test_a_reader_pod_is_restricted_reads_only_and_is_none_of_the_operators():
    pod = reader_pod(OBJECT, "digits-12345-reader-1", "example/trial:1", {})
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["activeDeadlineSeconds"] > 0
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "luthier.dev/experiment-uid" not in pod["metadata"]["labels"]
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "12345678-aaaa"
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "digits-12345"}


def test_a_reader_stays_restricted_whatever_its_driver_s_template_adds():
    pod = reader_pod(OBJECT, "r", "example/trial:1", {"securityContext": {"fsGroup": 2000, "runAsUser": 5}})
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 5,
        "runAsGroup": 1000,
        "fsGroup": 2000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_reader_runs_where_its_driver_could():
    driver = {"image": "own/image", "name": "trial"}
    like = {
        "nodeSelector": {"pool": "gpu"},
        "imagePullSecrets": [{"name": "pull"}],
        "hostname": "driver-1",
        "containers": [{"image": "proxy", "name": "sidecar"}, driver],
    }
    pod = reader_pod({**OBJECT, "spec": {"storage": {"claimName": "shared"}}}, "r", image_of({"spec": like}), like)
    assert pod["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert "hostname" not in pod["spec"]
    assert pod["spec"]["containers"][0]["image"] == "own/image"
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "shared"}
