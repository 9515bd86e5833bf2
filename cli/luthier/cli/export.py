"""`luthier export`: trials and results for another tool, made here from the ledger."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from luthier.api.exports import Export, ExportType, FileFormat
from luthier.cli.errors import Exit, Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Namespace, Output, OutputOption, Target
from luthier.cli.records import open_archive, records_of
from luthier.cli.report import experiment_of
from luthier.cli.results import needs_runtime


class Form(StrEnum):
    """Where it goes."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    MLFLOW = "mlflow"
    OPTUNA = "optuna"
    TENSORBOARD = "tensorboard"


FORMATS = {Form.CSV: FileFormat.CSV, Form.JSONL: FileFormat.JSONL, Form.PARQUET: FileFormat.PARQUET}
TYPES = {Form.MLFLOW: ExportType.MLFLOW, Form.OPTUNA: ExportType.OPTUNA, Form.TENSORBOARD: ExportType.TENSORBOARD}


@speaks_plainly
def export(
    target: Target,
    place: Annotated[
        str,
        typer.Argument(help="A folder; for mlflow and optuna also the URL of a server or database.", metavar="PATH"),
    ],
    to: Annotated[Form, typer.Option("--to", "-t", help="Which form.")] = Form.CSV,
    namespace: Namespace = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write trials and results as tables, or for MLflow, Optuna or TensorBoard.

    Example: luthier export digits-pbt out --to parquet

    Example: luthier export digits-pbt sqlite:///digits.db --to optuna; optuna-dashboard sqlite:///digits.db
    """
    try:
        from luthier.trial.exports.exporting import PACKAGES, write_export
        from luthier.trial.story import story_of
    except ImportError as error:
        raise needs_runtime(error) from error
    with open_archive(target, namespace) as archive:
        experiment = experiment_of(archive.document)
        records = list(records_of(archive.lines()))
    wish = wish_of(to, place)
    folder = Path() if wish.uri else Path(place)
    try:
        write_export(wish, story_of(experiment, records), records, folder)
    except ImportError as error:
        raise Refusal(
            f"{to.value} needs {error.name or error}, which is not installed.",
            hint=f"pip install {PACKAGES[wish.type]}",
        ) from error
    except OSError as error:
        raise Refusal(f"{place} can't be written: {error.strerror or error}.", hint="Name another place.") from error
    except Exception as error:  # whatever the other tool's library raises
        raise Refusal(f"{to.value} does not take it: {error}", code=Exit.FAILED) from error
    is_text = output is Output.TEXT
    sys.stdout.write(f"{place}\n" if is_text else as_json({"export": place, "form": to.value}))


def wish_of(to: Form, place: str) -> Export:
    """Return the export that the command line's words ask for.

    Raises:
        Refusal: this form goes to a folder and not to a URL.
    """
    is_url = "://" in place
    if to in FORMATS or to is Form.TENSORBOARD:
        if is_url:
            raise Refusal(f"{to.value} goes to a folder, and {place} is a URL.", hint="Name a folder.")
        return Export(
            name="export", type=TYPES.get(to, ExportType.FILES), formats=[FORMATS[to]] if to in FORMATS else []
        )
    return Export(name="export", type=TYPES[to], uri=place if is_url else None)
