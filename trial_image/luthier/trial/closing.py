"""What is made of an experiment beside its search: its page and its exports, at the end, now and then, and when asked.

The driver has it made by a child process, for a bounded time and with bounded memory: no page is worth an
experiment's end. The page comes first, and tells of each export as soon as it is there.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from luthier.api.exports import Export
from luthier.api.manifest import Experiment, load, parse
from luthier.trial import ledger
from luthier.trial.errand import DONE, PROMISED, Errand, Say, be_modest, not_written, teller

LOGGER = logging.getLogger("luthier.closing")
MODULE = "luthier.trial.closing"
REPORT_FILE = "report.html"
LOCK_FILE = ".exports.lock"
REPORT = "the report"
SECONDS = 60.0
LOW_PRIORITY = 10
UNFINISHED = "not finished"
Rows = Sequence[tuple[str, str, str]]
"""Name, type and how it went, for each export."""
Show = Callable[[Rows], None]
ADVICE = "`luthier report` and `luthier export` make it from the ledger"


def begin_closing(
    experiment_file: Path, directory: Path, seconds: float = SECONDS, memory_bytes: int | None = None
) -> Callable[[], str]:
    """Begin to close in a child process; return how to wait for it, which returns what to say of what could not be
    made: nothing if all went well.

    Neither raises. The child is ended when it has had its seconds; its memory is by default a share of what is free.
    """
    errand = Errand(MODULE, "close", str(experiment_file), str(directory), seconds=seconds, memory_bytes=memory_bytes)

    def wait() -> str:
        errand.wait()
        lacking = "; ".join(errand.lacking())
        if not lacking:
            return ""
        LOGGER.warning("%s; %s", lacking, ADVICE)
        return f"{lacking}; {ADVICE}"

    return wait


def nobody(what: str, word: str) -> None:
    """Is told and does nothing."""


def close(experiment: Experiment, directory: Path, say: Say = nobody) -> bool:
    """Write the page, then the exports; return whether there is a page. What goes wrong is said and in the log."""
    exports = nearest_first(experiment.spec.exports)
    promised = [REPORT, *map(spoken, exports)]
    for what in promised:
        say(what, PROMISED)
    try:
        from luthier.trial.exports.exporting import try_export
        from luthier.trial.report.making import PageFile
        from luthier.trial.story import story_of

        records = list(ledger.read(directory))
        story = story_of(experiment, records)
    except Exception as error:  # the experiment has ended well without it
        for what in promised:
            _tell(say, what, not_written(error))
        return False
    words = {export.name: UNFINISHED for export in exports}
    show: Show | None = None
    try:
        show = PageFile(story, directory / REPORT_FILE).save
        show(_rows(exports, words))
        _tell(say, REPORT, DONE)
    except Exception as error:  # the exports may take less
        show = None
        _tell(say, REPORT, not_written(error))
    with _in_turn(directory):
        for export in exports:
            words[export.name] = try_export(export, story, records, directory)
            _tell(say, spoken(export), words[export.name])
            if show:
                _tell_on(show, _rows(exports, words))
    return show is not None


def write_page(experiment: Experiment, directory: Path, output: Path, now: float | None = None) -> bool:
    """Write the page alone; return whether there is one. What goes wrong is in the log.

    Args:
        experiment: whose.
        directory: with its ledger.
        output: the page.
        now: time of the look at an experiment that still runs, in seconds since the epoch.
    """
    try:
        from luthier.trial.report.making import PageFile
        from luthier.trial.story import story_of

        PageFile(story_of(experiment, ledger.read(directory), now), output).save()
    except Exception as error:
        _tell(nobody, REPORT, not_written(error))
        return False
    return True


def export_now(experiment: Experiment, directory: Path, names: Sequence[str], say: Say = nobody) -> None:
    """Write some of the exports as the experiment stands now. What goes wrong is said and in the log."""
    from luthier.trial.exports.exporting import try_export
    from luthier.trial.story import story_of

    exports = [export for export in nearest_first(experiment.spec.exports) if export.name in names]
    for export in exports:
        say(spoken(export), PROMISED)
    with _in_turn(directory):
        records = list(ledger.read(directory))
        story = story_of(experiment, records, time.time())
        for export in exports:
            _tell(say, spoken(export), try_export(export, story, records, directory))


@contextlib.contextmanager
def _in_turn(directory: Path) -> Iterator[None]:
    """Wait for another process that writes exports of the same directory; the kernel ends what a dead one held."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # a storage without locks has to do without
            lock = held.enter_context((directory / LOCK_FILE).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def nearest_first(exports: Sequence[Export]) -> list[Export]:
    """Return exports in the order in which they are written: what lies beside the ledger waits for no server."""
    return sorted(exports, key=lambda export: export.uri is not None)


def spoken(export: Export) -> str:
    """Return what an export is called in a sentence."""
    return f"export {export.name} ({export.type.value})"


def _rows(exports: Sequence[Export], words: dict[str, str]) -> Rows:
    return [(export.name, export.type.value, words[export.name]) for export in exports]


def _tell_on(show: Show, rows: Rows) -> None:
    try:
        show(rows)
    except Exception as error:  # the page of before is there
        LOGGER.warning("the report does not tell of the exports: %s: %s", type(error).__name__, error)


def _tell(say: Say, what: str, word: str) -> None:
    say(what, word)
    if word != DONE:
        LOGGER.warning("%s: %s", what, word)


def main() -> int:
    """Do what the arguments say, as a child process; return 0 if there is a page, or if none was asked for."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}")
    parser.add_argument("verb", choices=["close", "page", "export"])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("rest", nargs="*", help="page: the file to write; export: names")
    asked = parser.parse_args()
    say = teller()
    be_modest(0 if asked.verb == "close" else LOW_PRIORITY)  # who looks waits for the search
    (document,) = load(asked.experiment)
    experiment = parse(document)
    if asked.verb == "close":
        return 0 if close(experiment, asked.directory, say) else 1
    if asked.verb == "page":
        return 0 if write_page(experiment, asked.directory, Path(asked.rest[0]), time.time()) else 1
    export_now(experiment, asked.directory, asked.rest, say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
