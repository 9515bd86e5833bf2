"""What an experiment has left on its storage, for whoever may read it: the ledger, and whole checkpoints as tar.

Trials write beside it, so nothing is followed that they could have laid out: a checkpoint counts only if the ledger
names it, and of its folder only plain files and folders go out, never what a link leads to.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from luthier.trial.errors import BrokenLedger
from luthier.trial.ledger import LEDGER_FILE, read
from luthier.trial.records import CheckpointDropped, CheckpointSaved

CHUNK_BYTES = 1 << 16


class NotInArchive(Exception):
    """What was asked for is not there; the message says what and why."""


class OutOfStep(Exception):
    """A reader asks for what follows a place that is no end of a line in this ledger."""


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> Any:
        """Take some."""


@dataclass(frozen=True)
class Excerpt:
    """Whole lines of the ledger."""

    path: Path
    start: int
    """Offset of the first byte."""
    length: int
    """Bytes; what is appended later is not in it."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the lines' bytes."""
        if not self.length:
            return
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.length
            while left and (data := file.read(min(CHUNK_BYTES, left))):
                left -= len(data)
                yield data


class Archive:
    """The folder of one experiment, read only."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def ledger(self, after: int = 0) -> Excerpt:
        """Return the whole lines that follow the first `after` bytes; a line that is being written is not among them.

        Raises:
            OutOfStep: no line ends there.
        """
        path = self._directory / LEDGER_FILE
        try:
            with path.open("rb") as file:
                end = _end_of_lines(file)
                if not 0 <= after <= end or not _ends_a_line(file, after):
                    raise OutOfStep(f"no line of the ledger ends after {after} bytes; there are {end}")
        except FileNotFoundError:
            if after:
                raise OutOfStep(f"no line of the ledger ends after {after} bytes; there are none") from None
            return Excerpt(path, 0, 0)
        return Excerpt(path, after, end - after)

    def find(self, checkpoint: str) -> Path:
        """Return the folder of a checkpoint that the ledger names.

        Raises:
            NotInArchive: it names none like that, or the files are gone.
        """
        if checkpoint not in self._checkpoints():
            raise NotInArchive(f"{checkpoint!r} is no checkpoint that is kept")
        root = self._directory.resolve()
        folder = (root / checkpoint).resolve()
        if root not in folder.parents or not folder.is_dir():
            raise NotInArchive(f"{checkpoint!r} is not on the storage")
        return folder

    def pack(self, folder: Path, sink: Sink) -> None:
        """Write a checkpoint's folder as tar.

        Raises:
            OSError: a file went while it was read, or the sink takes no more.
        """
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for directory, names, files, number in os.fwalk(folder):
                for name in sorted(names):
                    _add_folder(tar, folder, Path(directory, name), number)
                for name in sorted(files):
                    _add_file(tar, folder, Path(directory, name), number)

    def _checkpoints(self) -> set[str]:
        kept: set[str] = set()
        try:
            for record in read(self._directory):
                match record:
                    case CheckpointSaved(checkpoint=path):
                        kept.add(path)
                    case CheckpointDropped(checkpoint=path):
                        kept.discard(path)
        except BrokenLedger as error:
            raise NotInArchive(f"the ledger is broken: {error}") from error
        return kept


def _end_of_lines(file: BinaryIO) -> int:
    """Return the number of bytes up to the last end of a line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        if last >= 0:
            return start + last + 1
        end = start
    return 0


def _ends_a_line(file: BinaryIO, offset: int) -> bool:
    file.seek(max(0, offset - 1))
    return offset == 0 or file.read(1) == b"\n"


def _add_folder(tar: tarfile.TarFile, root: Path, path: Path, parent: int) -> None:
    if stat.S_ISDIR(os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_mode):
        entry = tarfile.TarInfo(str(path.relative_to(root)))
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)


def _add_file(tar: tarfile.TarFile, root: Path, path: Path, parent: int) -> None:
    """Add a plain file; opening neither follows a link nor waits for a pipe."""
    if not stat.S_ISREG(os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_mode):
        return
    number = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    with os.fdopen(number, "rb") as file:
        entry = tarfile.TarInfo(str(path.relative_to(root)))
        entry.size, entry.mode = os.fstat(number).st_size, 0o644
        tar.addfile(entry, file)
