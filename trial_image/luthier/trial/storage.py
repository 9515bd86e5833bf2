"""What a storage can answer instead of taking bytes, and what it means: it is full, or not ours to write."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from luthier.trial.errors import StorageFull, StorageNotWritable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
PAUSE_SECONDS = 0.5
BLOCK_BYTES = 4096
"""What a file takes at least."""
T = TypeVar("T")


@contextlib.contextmanager
def refusals(path: Path, needed: int) -> Iterator[None]:
    """Turn what the system says when a path does not take so many bytes into what a person can do something about.

    Raises:
        StorageFull: there is no room, on the volume or in a quota.
        StorageNotWritable: this user may not write there, or nobody may.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            words = f"no room for {spoken(needed)} at {path}: {spoken(free_bytes(path))} are free"
            raise StorageFull(words, needed) from error
        if error.errno in NOT_WRITABLE:
            raise StorageNotWritable(
                f"{path} can't be written by user {os.geteuid()}, group {os.getegid()}: {error.strerror}; "
                "let that user or group write to the volume, or mount it writable"
            ) from error
        raise


def wait_for_room(act: Callable[[], T], may_wait: Callable[[StorageFull], bool]) -> T:
    """Do what needs room; where there is none, again and again, for as long as it may wait.

    Raises:
        StorageFull: it may not wait any longer.
    """
    while True:
        try:
            return act()
        except StorageFull as error:
            if not may_wait(error):
                raise
        time.sleep(PAUSE_SECONDS)


def free_bytes(path: Path) -> int:
    """Return the room on the volume that a path is on, or is to be on; a quota may leave less."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def spoken(size: float) -> str:
    """Return a number of bytes as text: `12.5 MiB`."""
    power = min(4, max(0, int(size).bit_length() - 1) // 10)
    return f"{size / 1024**power:.4g} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
