"""A checkpoint on storage is complete or absent: files first, then a manifest of their hashes, then one rename.

Nothing is trusted for being there: whoever goes on from a checkpoint holds its files against the manifest
first. So what a dying node, a full disk or a torn write left is found before any training builds on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ValidationError

from luthier.trial.errors import BadCheckpoint
from luthier.trial.storage import BLOCK_BYTES, refusals

MANIFEST = ".manifest.json"
"""Hidden, so that no `*` of the user's code finds it among its own files."""
PARTIAL = ".partial"
CHUNK_BYTES = 1 << 20


class FileMark(BaseModel):
    """What one file must be."""

    size: int
    sha256: str


class Manifest(BaseModel):
    """All files of a checkpoint, by their path in it."""

    format: Literal[1] = 1
    files: dict[str, FileMark]
    seconds: float = 0.0
    """That copying and hashing the files took."""


@dataclass(frozen=True)
class Extent:
    """What a checkpoint cost."""

    bytes: int = 0
    seconds: float = 0.0


def save(source: Path, target: Path) -> None:
    """Copy a directory to where nothing is yet; there it appears wholly or not at all.

    Raises:
        StorageFull: there is no room; nothing of it is left.
        StorageNotWritable: this user may not write there.
    """
    with refusals(target, _size(source)):
        _save(source, target)


def _save(source: Path, target: Path) -> None:
    partial, began = target.with_name(f".{target.name}{PARTIAL}"), time.monotonic()
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        for name in _directories(source):
            (partial / name).mkdir()
        marks = {name: _copy(source / name, partial / name) for name in _files(source)}
        with (partial / MANIFEST).open("xb") as file:
            manifest = Manifest(files=marks, seconds=round(time.monotonic() - began, 6))
            file.write(manifest.model_dump_json().encode())
            _sync(file)
        for name in ("", *_directories(partial)):
            _sync_directory(partial / name)
        partial.rename(target)
        for directory in target.parents[:2]:  # the run's own may be new, too
            _sync_directory(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def verify(directory: Path) -> None:
    """Read a checkpoint against its manifest.

    Raises:
        BadCheckpoint: it is gone, was never completed, or a file of it is not as it was written.
    """
    for name, mark in _manifest_of(directory).files.items():
        try:
            with (directory / name).open("rb") as file:
                size, digest = os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise BadCheckpoint(f"{directory}: {name} is gone") from error
        if size != mark.size:
            raise BadCheckpoint(f"{directory}: {name} has {size} bytes and was written with {mark.size}")
        if digest != mark.sha256:
            raise BadCheckpoint(f"{directory}: {name} is not what was written; its hash differs")


def extent(directory: Path) -> Extent:
    """Return what a checkpoint's manifest says that it cost; nothing where there is none to read."""
    try:
        manifest = _manifest_of(directory)
    except (BadCheckpoint, OSError):
        return Extent()
    return Extent(sum(mark.size for mark in manifest.files.values()), manifest.seconds)


def remove(checkpoint: Path) -> None:
    """Remove a checkpoint, and its run's folder if that is empty now."""
    shutil.rmtree(checkpoint, ignore_errors=True)
    with contextlib.suppress(OSError):
        checkpoint.parent.rmdir()


def remove_leftovers(runs: Path, kept: Collection[Path]) -> None:
    """Remove what runs left that are over: halves of checkpoints, and whole ones that nobody took note of."""
    for run in runs.glob("*/"):
        for left in set(run.iterdir()) - set(kept):
            remove(left)
        with contextlib.suppress(OSError):
            run.rmdir()


def _manifest_of(directory: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((directory / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        what = "has no manifest, so it was never completed" if directory.exists() else "is gone"
        raise BadCheckpoint(f"{directory} {what}") from error
    except ValidationError as error:
        raise BadCheckpoint(f"{directory}: its manifest is damaged") from error


def _directories(root: Path) -> Iterator[str]:
    """Yield the paths in a directory that are directories, each after the one that it is in."""
    for directory, names, _ in os.walk(root, followlinks=True):
        yield from (str(Path(directory, name).relative_to(root)) for name in names)


def _files(root: Path) -> Iterator[str]:
    """Yield the paths of a checkpoint's own files; one that is saved again has a manifest already."""
    for directory, _, names in os.walk(root, followlinks=True):
        paths = (Path(directory, name) for name in names)
        yield from (str(path.relative_to(root)) for path in paths if path.is_file() and path != root / MANIFEST)


def _copy(source: Path, target: Path) -> FileMark:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, target.open("xb") as write:
        while chunk := read.read(CHUNK_BYTES):
            write.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        _sync(write)
    return FileMark(size=size, sha256=digest.hexdigest())


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _size(source: Path) -> int:
    """Return the room that a copy takes, in whole blocks, and with a manifest."""
    sizes = ((source / name).stat().st_size for name in _files(source))
    return sum(-(-size // BLOCK_BYTES) * BLOCK_BYTES for size in (1, *sizes))
