"""`spec.exports`: where else an experiment's trials and results go, while it runs and once it has ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from luthier.api.rules import ApiModel, AtomicList, Rule


class ExportType(StrEnum):
    """Which tool takes it."""

    MLFLOW = "MLflow"
    OPTUNA = "Optuna"
    TENSORBOARD = "TensorBoard"
    FILES = "Files"


class FileFormat(StrEnum):
    """How tables are written."""

    CSV = "CSV"
    JSONL = "JSONL"
    PARQUET = "Parquet"


class Export(ApiModel):
    """One copy of trials and results for another tool; it can neither fail nor hold up the experiment."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the export, and of its folder under `exports/` on the experiment's storage. Example: `tables`."""
    type: ExportType
    """MLflow, Optuna, TensorBoard or Files. Example: `Files`."""
    uri: Annotated[str, Field(max_length=512, pattern=r"^[a-z][a-z0-9+.-]*://.+$")] | None = None
    """MLflow: tracking server or database. Optuna: database, or `journal:///path`. Passwords belong in
    `driver.template`'s environment. Default: a database in the export's folder. Example: `http://mlflow.ml:5000`."""
    formats: Annotated[AtomicList[FileFormat], Field(max_length=3)] = []
    """Files: CSV, JSONL and Parquet. Default: CSV. Example: `[CSV, Parquet]`."""

    every_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """Seconds between two looks while it runs; with 0 it is written at the end only. Default: 300. Example: `60`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "uri",
            "may be set only when `type` is MLflow or Optuna",
            "!has(self.uri) || self.type in ['MLflow', 'Optuna']",
            lambda e: e.uri is None or e.type in (ExportType.MLFLOW, ExportType.OPTUNA),
        ),
        Rule(
            "formats",
            "may be set only when `type` is Files",
            "!has(self.formats) || self.formats.size() == 0 || self.type == 'Files'",
            lambda e: not e.formats or e.type is ExportType.FILES,
        ),
    )
