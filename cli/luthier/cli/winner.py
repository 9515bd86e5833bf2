"""The winner's checkpoint, also of an experiment that finds and drops better ones while one asks for it."""

from __future__ import annotations

from pathlib import Path

from luthier.api.experiment import Objective
from luthier.cli.archives import ExperimentArchive, Gone
from luthier.cli.errors import Refusal
from luthier.cli.records import records_of
from luthier.cli.trial_rows import TrialTable

ATTEMPTS = 8


def copy_best_checkpoint(archive: ExperimentArchive, trial: str, into: Path) -> str:
    """Copy the checkpoint nearest to a trial's best result, as the ledger has it now; return its path on storage.

    Status is a moment old, and a trial that gets better saves the next and drops the last in that moment.

    Raises:
        Refusal: the trial has none, or it can't be copied.
    """
    objectives = [Objective.model_validate(each) for each in archive.document["spec"]["objectives"]]
    table, offset, lost = TrialTable(objectives), 0, None
    for _ in range(ATTEMPTS):
        for line in archive.lines(offset):
            offset += len(line)
            for record in records_of([line]):
                table.apply(record)
        row = next((row for row in table.rows() if row.trial == trial), None)
        path = row.best_checkpoint if row else None
        if path is None:
            raise Refusal(f"{trial} has no checkpoint.", hint="Its code saves none, or not yet.")
        try:
            archive.copy(path, into)
        except Gone as gone:
            lost = gone
        else:
            return path
    raise lost or Refusal(f"{trial} has no checkpoint.")
