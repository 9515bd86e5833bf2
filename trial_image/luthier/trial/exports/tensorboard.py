"""An experiment as TensorBoard's event files: a run a trial, each metric a curve, parameters for its HParams tab."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from luthier.trial.records import Record, TrialReported
from luthier.trial.story import Story


def write_events(story: Story, records: Sequence[Record], folder: Path) -> None:
    """Write a folder of event files, in place of what it held of this experiment.

    Raises:
        ImportError: tensorboardX is not installed.
        OSError: a file can't be written.
    """
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    results: dict[str, list[TrialReported]] = {}
    for record in records:
        if isinstance(record, TrialReported):
            results.setdefault(record.trial, []).append(record)
    for trial in story.trials:
        own = folder / trial.name
        shutil.rmtree(own, ignore_errors=True)
        with SummaryWriter(str(own)) as writer:
            for record in results.get(trial.name, []):
                for name, value in record.metrics.items():
                    writer.add_scalar(name, value, record.iteration, walltime=record.time)
            given = trial.best.values if trial.best else trial.values
            for summary in hparams(dict(given), dict.fromkeys(o.metric for o in story.spec.objectives)):
                writer.file_writer.add_summary(summary)
