"""Which export goes where; and all that a manifest names, none of which can do the experiment any harm."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from luthier.api.exports import Export, ExportType, FileFormat
from luthier.trial.records import Record
from luthier.trial.story import Story

LOGGER = logging.getLogger("luthier.exports")
FOLDER = "exports"
"""Beside the ledger; each export has a folder of its own in it."""
DONE = "written"
PACKAGES = {
    ExportType.MLFLOW: "mlflow-skinny",
    ExportType.TENSORBOARD: "tensorboardX",
    ExportType.FILES: "pandas and pyarrow",
    ExportType.OPTUNA: "optuna",
}
WORD_CHARACTERS = 300


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

            write_study(story, export.uri or f"sqlite:///{folder.resolve()}/study.db")
        case ExportType.TENSORBOARD:
            from luthier.trial.exports.tensorboard import write_events

            write_events(story, records, folder)
        case ExportType.MLFLOW:
            from luthier.trial.exports.mlflow_runs import write_runs

            write_runs(story, records, export.uri or f"sqlite:///{folder.resolve()}/mlflow.db")


def write_exports(story: Story, records: Sequence[Record], directory: Path) -> list[tuple[str, str, str]]:
    """Write all that the manifest names; return for each its name, its type and how it went. Never raises."""
    return [
        (export.name, export.type.value, _tried(export, story, records, directory / FOLDER / export.name))
        for export in story.experiment.spec.exports
    ]


def _tried(export: Export, story: Story, records: Sequence[Record], folder: Path) -> str:
    try:
        write_export(export, story, records, folder)
    except ImportError as error:
        word = f"not written: it needs {PACKAGES[export.type]} in the trial image ({error.name or error} is missing)"
    except Exception as error:
        word = f"not written: {type(error).__name__}: {' '.join(str(error).split())}"[:WORD_CHARACTERS]
    else:
        return DONE
    LOGGER.warning("export %s (%s) was %s", export.name, export.type.value, word)
    return word
