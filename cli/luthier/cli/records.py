"""An experiment's ledger and checkpoints, wherever it is: in a folder, with a driver, or on a claim that nobody mounts.

Other commands need no more than this:

    for record in open_records("digits-pbt", namespace=None): ...

    with open_archive("digits-pbt", None) as archive:
        archive.copy("trials/t0003_1_2/checkpoint_000008", Path("best"))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from luthier.cli.archives import ExperimentArchive, Folder
from luthier.cli.errors import Refusal
from luthier.trial.errors import BrokenLedger, NewerLedger
from luthier.trial.records import Record, decode_lines


def is_folder(target: str, namespace: str | None) -> bool:
    """Tell whether a target names a folder here, and not an experiment in the cluster."""
    folder = Path(target)
    return namespace is None and (folder.is_dir() or len(folder.parts) > 1)


@contextmanager
def open_archive(target: str, namespace: str | None = None) -> Iterator[ExperimentArchive]:
    """Yield what an experiment has left, of a folder or else of that name in the cluster.

    In the cluster it comes from the running driver; where there is none, from a reader pod that lives as long as this.

    Raises:
        Refusal: there is no such experiment, it has not begun, or it can't be reached.
    """
    if is_folder(target, namespace):
        yield Folder(Path(target))
        return
    from luthier.cli.cluster import connect
    from luthier.cli.windows import open_window

    with open_window(connect(namespace), target) as window:
        yield window


def open_records(target: str, namespace: str | None = None) -> Iterator[Record]:
    """Yield the records of an experiment's ledger as they arrive, from a folder or from the cluster.

    Raises:
        Refusal: as for `open_archive`, or the ledger is broken.
    """
    with open_archive(target, namespace) as archive:
        yield from records_of(archive.lines())


def records_of(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of a ledger's lines.

    Raises:
        Refusal: a line is no record, or is of a newer version and may not be skipped.
    """
    try:
        yield from decode_lines(lines)
    except NewerLedger as error:
        raise Refusal(
            f"{_sentence(error)}.", hint="Use a `luthier` at least as new as the one that wrote it."
        ) from error
    except BrokenLedger as error:
        raise Refusal(
            f"{_sentence(error)}.", hint="Is it of another version of Luthier, or was the file edited?"
        ) from error


def _sentence(error: Exception) -> str:
    return str(error)[:1].upper() + str(error)[1:]


def fetch_checkpoint(target: str, namespace: str | None, checkpoint: str, into: Path) -> None:
    """Copy a complete checkpoint, by its path on the experiment's storage, to a folder that is new or empty.

    Raises:
        Refusal: as for `open_archive`; there is no such checkpoint; it is damaged; the folder can't be written.
    """
    with open_archive(target, namespace) as archive:
        archive.copy(checkpoint, into)
