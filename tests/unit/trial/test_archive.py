"""The archive over real HTTP: whole lines, whole checkpoints, only what the ledger names, only with the token."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlencode

import pytest

from luthier.trial.archive import Archive
from luthier.trial.checkpoints import save, verify
from luthier.trial.ledger import LEDGER_FILE, Ledger
from luthier.trial.records import AttemptStarted, CheckpointDropped, CheckpointSaved
from luthier.trial.server import ProgressServer

TOKEN = "the-token"
CHECKPOINT = "trials/t0000_1_1/checkpoint_000000"


@pytest.fixture
def folder(tmp_path):
    """An experiment's storage with one checkpoint, and a secret beside it."""
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / "source" / "model.bin").write_bytes(os.urandom(200_000))
    (tmp_path / "source" / "deep" / "empty").touch()
    (tmp_path / "secret").write_text("nobody's business")
    storage = tmp_path / "storage"
    save(tmp_path / "source", storage / CHECKPOINT)
    with_ledger(storage, AttemptStarted(time=1, attempt=1), saved(CHECKPOINT))
    return storage


@pytest.fixture
def window(folder):
    server = ProgressServer(0, TOKEN, "127.0.0.1")
    server.archive = Archive(folder)
    yield server
    server.close()


def saved(checkpoint):
    return CheckpointSaved(time=2, trial="t0000", iteration=1, checkpoint=checkpoint)


def with_ledger(storage, *records):
    ledger = Ledger(storage, 1)
    for record in records:
        ledger.append(record)
    ledger.close()


def get(window, page, token=TOKEN, **query):
    connection = HTTPConnection("127.0.0.1", window.port, timeout=10)
    try:
        connection.request("GET", f"{page}?{urlencode(query)}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def unpacked(body, target):
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        tar.extractall(target, filter="data")
    return target


def test_the_ledger_is_read_whole_then_from_where_one_was(window, folder):
    status, first = get(window, "/ledger")
    assert (status, first) == (200, (folder / LEDGER_FILE).read_bytes())
    with_ledger(folder, CheckpointDropped(time=3, trial="t0000", checkpoint=CHECKPOINT))
    status, rest = get(window, "/ledger", after=len(first))
    assert status == 200
    assert first + rest == (folder / LEDGER_FILE).read_bytes()
    assert get(window, "/ledger", after=len(first + rest)) == (200, b"")


def test_a_line_that_is_being_written_is_not_read(window, folder):
    whole = (folder / LEDGER_FILE).read_bytes()
    with (folder / LEDGER_FILE).open("ab") as file:
        file.write(b'{"kind": "resu')
    assert get(window, "/ledger") == (200, whole)


def test_a_ledger_that_is_not_there_yet_is_empty(tmp_path):
    assert list(Archive(tmp_path).ledger().chunks()) == []


@pytest.mark.parametrize("after", [1, 10**9])
def test_who_is_out_of_step_is_told(window, after):
    status, body = get(window, "/ledger", after=after)
    assert status == 416
    assert b"no line of the ledger ends" in body


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "1" * 30])
def test_an_offset_that_is_no_number_is_refused(window, after):
    assert get(window, "/ledger", after=after)[0] == 400


@pytest.mark.parametrize("page", ["/ledger", "/checkpoint"])
def test_nothing_is_read_without_the_token(window, page):
    assert get(window, page, token="another")[0] == 401


def test_before_the_storage_is_known_a_reader_is_asked_to_wait():
    server = ProgressServer(0, TOKEN, "127.0.0.1")
    assert get(server, "/ledger")[0] == 503
    server.close()


def test_a_checkpoint_arrives_as_it_was_saved(window, tmp_path):
    status, body = get(window, "/checkpoint", path=CHECKPOINT)
    assert status == 200
    verify(unpacked(body, tmp_path / "copy"))
    assert (tmp_path / "copy" / "model.bin").read_bytes() == (tmp_path / "source" / "model.bin").read_bytes()


@pytest.mark.parametrize("path", ["", "../secret", "trials", "ledger.jsonl", f"./{CHECKPOINT}", "/etc"])
def test_only_what_the_ledger_names_is_a_checkpoint(window, path):
    assert get(window, "/checkpoint", path=path)[0] == 404


def test_a_dropped_checkpoint_is_not_given_away(window, folder):
    with_ledger(folder, CheckpointDropped(time=3, trial="t0000", checkpoint=CHECKPOINT))
    assert get(window, "/checkpoint", path=CHECKPOINT)[0] == 404


def test_a_checkpoint_that_is_a_way_out_of_the_storage_is_not_followed(window, folder, tmp_path):
    (folder / "trials" / "out").symlink_to(tmp_path / "source")
    with_ledger(folder, saved("trials/out"), saved("../source"))
    assert get(window, "/checkpoint", path="trials/out")[0] == 404
    assert get(window, "/checkpoint", path="../source")[0] == 404


def test_what_a_link_in_a_checkpoint_leads_to_does_not_go_out(window, folder, tmp_path):
    (folder / CHECKPOINT / "link").symlink_to(tmp_path / "secret")
    (folder / CHECKPOINT / "way").symlink_to(tmp_path)
    os.mkfifo(folder / CHECKPOINT / "pipe")
    copy = unpacked(get(window, "/checkpoint", path=CHECKPOINT)[1], tmp_path / "copy")
    assert {path.name for path in copy.rglob("*")} == {"model.bin", "deep", "empty", ".manifest.json"}


def test_a_checkpoint_that_goes_while_it_is_read_breaks_off_and_its_reader_notices(folder):
    """A file that shrinks under the reader is what a vanishing one is over some kinds of storage."""

    class Vanishing(Archive):
        def pack(self, folder, sink):
            sink.write(b"half")
            raise OSError("gone")

    server = ProgressServer(0, TOKEN, "127.0.0.1")
    server.archive = Vanishing(folder)
    with pytest.raises(IncompleteRead):
        get(server, "/checkpoint", path=CHECKPOINT)
    server.close()


def test_a_reader_that_leaves_in_the_middle_does_no_harm(window):
    with socket.create_connection(("127.0.0.1", window.port), timeout=10) as peer:
        peer.sendall(f"GET /checkpoint?path={CHECKPOINT} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        peer.recv(10)
    assert get(window, "/ledger")[0] == 200
