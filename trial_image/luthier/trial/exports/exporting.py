"""Which export goes where; and how one went, which can do the experiment no harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from luthier.api.exports import Export, ExportType, FileFormat
from luthier.trial.errand import DONE, not_written
from luthier.trial.records import Record
from luthier.trial.story import Story

FOLDER = "exports"
"""Beside the ledger; each export has a folder of its own in it."""
PACKAGES = {
    ExportType.MLFLOW: "mlflow-skinny",
    ExportType.TENSORBOARD: "tensorboardX",
    ExportType.FILES: "pandas and pyarrow",
    ExportType.OPTUNA: "optuna",
}


def write_export(export: Export, story: Story, records: Sequence[Record], folder: Path) -> None:
    """Write one export; what is not sent to a server goes to the folder, made if need be.

    Raises:
        ImportError: its library is not installed.
        Exception: whatever its library raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    match export.type:
        case ExportType.FILES:
            from luthier.trial.exports.files import write_tables

            write_tables(story, records, folder, export.formats or [FileFormat.CSV])
        case ExportType.OPTUNA:
            from luthier.trial.exports.optuna_storage import write_study

            _to_database(export.uri, folder / "study.db", lambda url: write_study(story, url))
        case ExportType.TENSORBOARD:
            from luthier.trial.exports.tensorboard import write_events

            write_events(story, records, folder)
        case ExportType.MLFLOW:
            from luthier.trial.exports.mlflow_runs import write_runs

            _to_database(export.uri, folder / "mlflow.db", lambda url: write_runs(story, records, url))


def _to_database(uri: str | None, file: Path, write: Callable[[str], None]) -> None:
    """Write to a database, or to a file of our own, which is first made beside its place: tables that were cut off
    while they were made can't be mended."""
    if uri or file.exists():
        write(uri or f"sqlite:///{file.resolve()}")
        return
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    write(f"sqlite:///{new.resolve()}")
    new.replace(file)


def try_export(export: Export, story: Story, records: Sequence[Record], directory: Path) -> str:
    """Write one export of an experiment's directory; return how it went, `written` or why not. Never raises."""
    folder = directory / FOLDER / export.name
    try:
        write_export(export, story, records, folder)
    except ModuleNotFoundError as error:
        return f"not written: it needs {PACKAGES[export.type]} in the trial image ({error.name} is missing)"
    except Exception as error:
        return not_written(error)
    return DONE
