"""The ledger is whole or absent line by line, and belongs to the newest attempt."""

from __future__ import annotations

import errno
import os

import pytest

from luthier.trial.errors import BrokenLedger, Fenced, StorageFull
from luthier.trial.ledger import ATTEMPT_FILE, LEDGER_FILE, Ledger, last_attempt, read
from luthier.trial.records import CheckpointSaved, SpaceExhausted, TrialProposed, encode


def proposed(number):
    return TrialProposed(time=float(number), trial=f"t{number:04d}", values={"x": number / 7})


def written(directory, *records, attempt=1):
    ledger = Ledger(directory, attempt)
    for record in records:
        ledger.append(record)
    ledger.close()
    return directory / LEDGER_FILE


def test_what_was_appended_is_read_back_in_order(tmp_path):
    written(tmp_path, proposed(0), proposed(1))
    assert list(read(tmp_path)) == [proposed(0), proposed(1)]


def test_a_directory_without_a_ledger_is_made_and_reads_as_empty(tmp_path):
    assert list(read(tmp_path / "new")) == []
    Ledger(tmp_path / "new" / "deep", 1).close()
    assert list(read(tmp_path / "new" / "deep")) == []


def test_a_record_is_there_for_readers_as_soon_as_append_returns(tmp_path):
    ledger = Ledger(tmp_path, 1)
    ledger.append(proposed(0))
    assert list(read(tmp_path)) == [proposed(0)]


@pytest.mark.parametrize("cut", range(1, len(encode(proposed(1))) + 1))
def test_a_last_line_that_was_cut_anywhere_is_ignored_and_overwritten(tmp_path, cut):
    path = written(tmp_path, proposed(0), proposed(1))
    os.truncate(path, path.stat().st_size - cut)

    assert list(read(tmp_path)) == [proposed(0)]
    written(tmp_path, proposed(2), attempt=2)
    assert list(read(tmp_path)) == [proposed(0), proposed(2)]


@pytest.mark.parametrize(
    "damage",
    [b"not json\n", b"{}\n", b'{"kind": "unheard of", "time": 1}\n', b"\0\0\0\n", b"\xff\xfe\n", b"\n"],
    ids=["text", "an empty object", "an unknown kind", "zeros", "no UTF-8", "an empty line"],
)
def test_a_broken_line_in_the_middle_is_named_and_nothing_after_it_is_guessed(tmp_path, damage):
    path = written(tmp_path, proposed(0))
    path.write_bytes(path.read_bytes() + damage + encode(proposed(1)))

    with pytest.raises(BrokenLedger, match="line 2"):
        list(read(tmp_path))


def test_a_field_of_a_newer_version_is_ignored(tmp_path):
    path = written(tmp_path)
    path.write_bytes(b'{"kind": "exhausted", "time": 3.0, "why": "a later version says"}\n')
    assert list(read(tmp_path)) == [SpaceExhausted(time=3.0)]


def test_an_older_attempt_cannot_write_once_a_newer_one_has_claimed(tmp_path):
    old = Ledger(tmp_path, 1)
    Ledger(tmp_path, 2)

    with pytest.raises(Fenced, match=r"attempt 2 owns .* this is attempt 1"):
        old.append(proposed(0))
    assert list(read(tmp_path)) == []


def test_an_older_attempt_cannot_claim_what_a_newer_one_has(tmp_path):
    Ledger(tmp_path, 3)
    with pytest.raises(Fenced):
        Ledger(tmp_path, 2)
    assert last_attempt(tmp_path) == 3


def test_what_an_older_attempt_was_about_to_write_while_a_newer_one_claimed_is_lost(tmp_path):
    """It had looked at the fence already, then its node froze."""
    old = Ledger(tmp_path, 1)
    old.append(proposed(0))
    about_to_write = old._file

    new = Ledger(tmp_path, 2)
    new.append(proposed(1))
    about_to_write.write(encode(proposed(99)))
    new.append(proposed(2))

    assert list(read(tmp_path)) == [proposed(0), proposed(1), proposed(2)]


def test_the_same_attempt_may_claim_again(tmp_path):
    written(tmp_path, proposed(0))
    written(tmp_path, proposed(1))
    assert list(read(tmp_path)) == [proposed(0), proposed(1)]


@pytest.mark.parametrize("text", ["", "garbage", "  "])
def test_an_attempt_file_that_cannot_be_read_claims_nothing(tmp_path, text):
    (tmp_path / ATTEMPT_FILE).write_text(text)
    assert last_attempt(tmp_path) == 0


class NearlyFullDisk:
    """A file that takes only so many bytes more, as a full disk does."""

    def __init__(self, file, room):
        self._file, self.room = file, room

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_record_that_a_full_disk_took_half_of_leaves_no_broken_line_behind(tmp_path):
    ledger = Ledger(tmp_path, 1)
    ledger.append(proposed(0))
    disk = ledger._file = NearlyFullDisk(ledger._file, room=20)

    for _ in range(2):
        with pytest.raises(StorageFull, match=r"no room for 79 B at .*ledger\.jsonl"):
            ledger.append(proposed(1))
    disk.room = 10_000
    ledger.append(CheckpointSaved(time=1.0, trial="t0000", iteration=1, checkpoint="a"))

    assert [record.kind for record in read(tmp_path)] == ["trial", "saved"]
