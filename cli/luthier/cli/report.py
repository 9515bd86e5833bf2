"""`luthier report`: one HTML page of an experiment, made here from its ledger."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from luthier.api.manifest import Experiment, ManifestError, parse
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Json, Namespace, Target
from luthier.cli.records import is_folder, open_archive, records_of
from luthier.cli.results import needs_runtime
from luthier.trial.records import Record


@speaks_plainly
def report(
    target: Target,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write it. Default: report.html in the folder, or NAME.html here.",
            metavar="FILE",
        ),
    ] = None,
    namespace: Namespace = None,
    as_document: Json = False,
) -> None:
    """Write one HTML page that tells all of an experiment, running or ended; it needs no network to be read.

    Objective over time, learning curves, who copied from whom, importance of parameters, workers, cost, failures.

    Example: luthier report digits-pbt -o digits.html
    """
    place = output or default_place(target, namespace)
    with open_archive(target, namespace) as archive:
        experiment = experiment_of(archive.document)
        page = page_of(experiment, list(records_of(archive.lines())))
    try:
        place.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{place} can't be written: {error.strerror or error}.", hint="Name another file.") from error
    sys.stdout.write(as_json({"report": str(place)}) if as_document else f"{place}\n")


def default_place(target: str, namespace: str | None) -> Path:
    """Return where the page goes if nobody says."""
    return Path(target) / "report.html" if is_folder(target, namespace) else Path(f"{target}.html")


def page_of(experiment: Experiment, records: Iterable[Record]) -> str:
    """Return an experiment's page as it stands now.

    Raises:
        Refusal: what a page takes is not installed.
    """
    try:
        from luthier.trial.report.making import make_page
    except ImportError as error:
        raise needs_runtime(error) from error
    return make_page(experiment, records, now=time.time())


def experiment_of(document: dict[str, Any]) -> Experiment:
    """Return the experiment of a document.

    Raises:
        Refusal: it is of another version.
    """
    try:
        return parse(document)
    except ManifestError as error:
        raise Refusal(
            "The experiment's manifest is not of this version:", problems=error.problems, hint="Use its own luthier."
        ) from error
