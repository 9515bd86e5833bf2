"""Tables as files: CSV, JSON lines, Parquet; written by pandas, and Parquet by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from luthier.api.exports import FileFormat
from luthier.trial.exports.tables import Row, result_rows, trial_rows
from luthier.trial.records import Record
from luthier.trial.story import Story


def write_tables(story: Story, records: Sequence[Record], folder: Path, formats: Sequence[FileFormat]) -> None:
    """Write `trials` and `results` in each of the formats to a folder, made if need be; each file whole or not at all.

    Raises:
        ImportError: pandas or pyarrow is not installed.
        OSError: a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("trials", trial_rows(story)), ("results", result_rows(records))):
        for form in formats:
            write_table(rows, folder / f"{name}.{form.value.lower()}", form)


def write_table(rows: Sequence[Row], path: Path, form: FileFormat) -> None:
    """Write one table to a file, whole or not at all.

    Raises:
        ImportError: pandas or pyarrow is not installed.
        OSError: the file can't be written.
    """
    import pandas as pd

    table = pd.DataFrame(_of_one_kind(rows))
    temporary = path.with_name(path.name + ".new")
    try:
        match form:
            case FileFormat.CSV:
                table.to_csv(temporary, index=False)
            case FileFormat.JSONL:
                table.to_json(temporary, orient="records", lines=True, force_ascii=False, double_precision=15)
            case FileFormat.PARQUET:
                table.to_parquet(temporary, index=False, engine="pyarrow")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _of_one_kind(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which no column mixes words with numbers: a column of a typed file can't."""
    mixed = set()
    for name in rows[0] if rows else ():
        kinds = {isinstance(row[name], str) for row in rows if row[name] is not None}
        if len(kinds) > 1:
            mixed.add(name)
    return [
        {name: str(cell) if name in mixed and cell is not None else cell for name, cell in row.items()} for row in rows
    ]
