"""The append-only record of an experiment on its storage.

One file of JSON lines, one writer. A newer attempt claims the directory by writing its number,
then takes the ledger over as a copy: an older one that wakes up sees the number and leaves, and
what it was about to write at that very moment goes to a file that nobody reads any more.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from luthier.trial.errors import BrokenLedger, Fenced
from luthier.trial.records import Record, decode_lines, encode
from luthier.trial.storage import BLOCK_BYTES, refusals

LEDGER_FILE = "ledger.jsonl"
ATTEMPT_FILE = "attempt"


class Ledger:
    """The ledger of one experiment, opened for writing by one attempt."""

    def __init__(self, directory: Path, attempt: int) -> None:
        """Claim a directory for an attempt, making it if need be.

        Raises:
            Fenced: a newer attempt has claimed it.
            StorageFull: there is no room for a copy of the ledger.
            StorageNotWritable: this user may not write there.
        """
        self.directory = directory
        self.attempt = attempt
        with refusals(directory, BLOCK_BYTES):
            directory.mkdir(parents=True, exist_ok=True)
            self._check_fence()
            _write_atomically(directory / ATTEMPT_FILE, str(attempt).encode())
            lines = _whole_lines(directory / LEDGER_FILE)
        with refusals(directory, len(lines)):
            _write_atomically(directory / LEDGER_FILE, lines)
            self._file = (directory / LEDGER_FILE).open("ab", buffering=0)

    def append(self, record: Record) -> None:
        """Write one record; when this returns a dying process can't lose it.

        Raises:
            Fenced: a newer attempt has claimed the directory.
            StorageFull: there is no room; no part of the record is left.
            StorageNotWritable: this user may not write there any more.
        """
        self._check_fence()
        line = encode(record)
        with refusals(self.directory / LEDGER_FILE, len(line)):
            written = self._file.write(line)
            if written != len(line):  # a full disk takes what still fits and says nothing
                self._file.truncate(self._file.tell() - written)
                raise OSError(errno.ENOSPC, "no space left for the ledger")

    def sync(self) -> None:
        """Make what was appended survive the node, too."""
        with refusals(self.directory / LEDGER_FILE, 0):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._file.close()

    def _check_fence(self) -> None:
        owner = last_attempt(self.directory)
        if owner > self.attempt:
            raise Fenced(f"attempt {owner} owns {self.directory}; this is attempt {self.attempt}")


def last_attempt(directory: Path) -> int:
    """Return the number of the newest attempt that claimed a directory; 0 when none did."""
    try:
        return int((directory / ATTEMPT_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def read(directory: Path) -> Iterator[Record]:
    """Yield the records of a directory's ledger, leaving out a last line that was cut off.

    Raises:
        NewerLedger: a newer version wrote a line that may not be skipped.
        BrokenLedger: a line before the last one is no record.
    """
    path = directory / LEDGER_FILE
    if not path.exists():
        return
    with path.open("rb") as lines:
        try:
            yield from decode_lines(itertools.takewhile(_is_whole, lines))
        except BrokenLedger as error:
            raise type(error)(f"{path}: {error}") from error


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n")


def _whole_lines(path: Path) -> bytes:
    if not path.exists():
        return b""
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1]


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # what does not fit must not take the room that is left
        raise
