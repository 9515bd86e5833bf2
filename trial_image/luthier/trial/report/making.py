"""From an experiment and its records to the page, and to the file that it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from luthier.api.manifest import Experiment
from luthier.trial.records import Record
from luthier.trial.report.page import content, page
from luthier.trial.report.view import view_of
from luthier.trial.story import Story, story_of


def make_page(experiment: Experiment, records: Iterable[Record], now: float | None = None) -> str:
    """Return the page of an experiment.

    Args:
        experiment: its manifest.
        records: its ledger's lines, oldest first.
        now: time of the look at an experiment that still runs, in seconds since the epoch.
    """
    return page(view_of(story_of(experiment, records, now)))


def make_content(experiment: Experiment, records: Iterable[Record], now: float) -> str:
    """Return what a served page asks for again and again: JSON with `html`, `figures` and `live`."""
    return content(view_of(story_of(experiment, records, now)))


class PageFile:
    """The page of a story as a file, which is written again when there is more to tell of its exports."""

    def __init__(self, story: Story, output: Path) -> None:
        """Look at the story once; nothing is written yet."""
        self._view = view_of(story)
        self._output = output

    def save(self, exports: Sequence[tuple[str, str, str]] = ()) -> None:
        """Write the page, whole or not at all, with name, type and how it went for each export.

        Raises:
            OSError: the file can't be written.
        """
        text = page(replace(self._view, exports=exports))
        temporary = self._output.with_name(self._output.name + ".new")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._output)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
