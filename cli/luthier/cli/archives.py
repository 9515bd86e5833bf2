"""Where an experiment's ledger and checkpoints are read: a folder here, or a driver's (or reader's) pages by HTTP."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from luthier.cli import results
from luthier.cli.errors import Exit, Refusal
from luthier.trial.archive import Archive, NotInArchive
from luthier.trial.archive_pages import CHECKPOINT_PAGE, LEDGER_PAGE
from luthier.trial.checkpoints import verify
from luthier.trial.errors import BadCheckpoint


class Gone(Refusal):
    """What was there a moment ago; the next look may find what has taken its place."""


class Leaving(Gone):
    """It is on its way out, and may still write."""


class Starting(Gone):
    """It is there, but does not answer yet."""


class ExperimentArchive(Protocol):
    """An experiment and what it has left on its storage."""

    document: dict[str, Any]
    """The experiment as JSON, of any version, maybe with a status."""

    def lines(self, after: int = 0) -> Iterator[bytes]:
        """Yield the ledger's whole lines that follow its first `after` bytes, each with its end.

        Raises:
            Refusal: it can't be read.
        """

    def copy(self, checkpoint: str, target: Path) -> None:
        """Copy a complete checkpoint to where nothing is yet; there it appears wholly or not at all.

        Raises:
            Refusal: there is none like that, it is damaged, or the target is taken.
        """


class Folder:
    """The folder of a local run."""

    def __init__(self, directory: Path) -> None:
        self.document: dict[str, Any] = results.read_experiment(directory).to_json()
        self._directory = directory

    def lines(self, after: int = 0) -> Iterator[bytes]:
        """Yield lines of the folder's ledger."""
        excerpt = Archive(self._directory).ledger(after)
        if not excerpt.length:
            return
        left = excerpt.length
        with excerpt.path.open("rb") as file:
            file.seek(excerpt.start)
            while left > 0 and (line := file.readline()):
                left -= len(line)
                yield line

    def copy(self, checkpoint: str, target: Path) -> None:
        """Copy a checkpoint's folder."""
        try:
            source = Archive(self._directory).find(checkpoint)
        except NotInArchive as error:
            raise _no_checkpoint(str(error)) from error
        with _appearing_whole(checkpoint, target) as partial:
            shutil.copytree(source, partial, dirs_exist_ok=True)


class Window:
    """A driver's pages by HTTP, or a reader's."""

    def __init__(
        self,
        document: dict[str, Any],
        connect: Callable[[], HTTPConnection],
        token: str,
    ) -> None:
        """Read by connections that `connect` makes, with the experiment's token."""
        self.document = document
        self._connect = connect
        self._token = token

    def lines(self, after: int = 0) -> Iterator[bytes]:
        """Yield lines of the ledger while they arrive."""
        with self.get(LEDGER_PAGE, after=after) as answer:
            try:
                while line := answer.readline():
                    yield line
                left = answer.length
            except (OSError, HTTPException) as error:
                raise _broke_off(error) from error
            if left:
                raise _broke_off(ConnectionError(f"{left} bytes did not arrive"))

    def copy(self, checkpoint: str, target: Path) -> None:
        """Unpack a checkpoint while it arrives."""
        with (
            self.get(CHECKPOINT_PAGE, path=checkpoint) as answer,
            _appearing_whole(checkpoint, target) as partial,
        ):
            try:
                with tarfile.open(fileobj=answer, mode="r|") as tar:
                    tar.extractall(partial, filter="data")
                while answer.read(1 << 16):  # up to the last chunk, without which it is not whole
                    pass
            except (tarfile.TarError, HTTPException, ConnectionError, TimeoutError) as error:
                raise _broke_off(error) from error

    @contextlib.contextmanager
    def get(self, page: str, **query: str | int) -> Iterator[HTTPResponse]:
        """Ask for a page and yield the answer.

        Raises:
            Refusal: it does not answer, or not with the page.
        """
        connection = self._connect()
        try:
            headers = {"Authorization": f"Bearer {self._token}"}
            connection.request("GET", f"{page}?{urlencode(query)}" if query else page, headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise _refused(page, answer)
            yield answer
        except (OSError, HTTPException) as error:
            raise _broke_off(error) from error
        finally:
            connection.close()


@contextlib.contextmanager
def _appearing_whole(checkpoint: str, target: Path) -> Iterator[Path]:
    """Yield a new folder beside the target that becomes the target if what is in it is a whole checkpoint."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise Refusal(f"{target} is there already.", hint="Name a folder that is new or empty.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        verify(partial)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except BadCheckpoint as error:
        raise Refusal(f"Checkpoint {checkpoint} is damaged: {error}", code=Exit.FAILED) from error
    except OSError as error:
        raise Refusal(f"{target} can't be written: {error.strerror or error}.", hint="Name another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _refused(page: str, answer: HTTPResponse) -> Refusal:
    said = answer.read(2000).decode(errors="replace").strip()
    if answer.status == 404 and page == CHECKPOINT_PAGE:
        return _no_checkpoint(said)
    if answer.status == 404:
        return Refusal(
            f"This experiment's image has no {page}: {said}",
            hint="It is of an older Luthier; a newer trial image has it.",
        )
    return Refusal(f"The driver does not give {page}: {said or answer.reason}", hint="Try again in a moment.")


def _no_checkpoint(why: str) -> Gone:
    return Gone(
        f"There is no such checkpoint: {why}.",
        hint="A trial keeps its last ones and the best; `luthier trials` says which trials have any.",
    )


def _broke_off(error: Exception) -> Gone:
    return Gone(
        f"The connection to the experiment's pod broke off: {error or type(error).__name__}.",
        hint="Try again; its driver may just be ending or be replaced.",
        code=Exit.FAILED,
    )
