"""From an experiment and its records to the page, and from a folder to the page beside its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from luthier.api.manifest import Experiment
from luthier.trial import ledger
from luthier.trial.records import Record
from luthier.trial.report.page import content, page
from luthier.trial.report.view import view_of
from luthier.trial.story import story_of


def make_page(
    experiment: Experiment,
    records: Iterable[Record],
    now: float | None = None,
    exports: Sequence[tuple[str, str, str]] = (),
) -> str:
    """Return the page of an experiment.

    Args:
        experiment: its manifest.
        records: its ledger's lines, oldest first.
        now: time of the look at an experiment that still runs, in seconds since the epoch.
        exports: name, type and how it went, for each export of the manifest.
    """
    return page(view_of(story_of(experiment, records, now), exports))


def make_content(experiment: Experiment, records: Iterable[Record], now: float) -> str:
    """Return what a served page asks for again and again: JSON with `html`, `figures` and `live`."""
    return content(view_of(story_of(experiment, records, now)))


def write_page(
    experiment: Experiment,
    directory: Path,
    output: Path,
    now: float | None = None,
    exports: Sequence[tuple[str, str, str]] = (),
) -> None:
    """Write the page of a directory's ledger to a file, whole or not at all.

    Raises:
        BrokenLedger: the ledger can't be read.
        OSError: the file can't be written.
    """
    text = make_page(experiment, ledger.read(directory), now, exports)
    temporary = output.with_name(output.name + ".new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(output)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
