"""An experiment as TensorBoard's event files: a run a trial, each metric a curve, parameters for its HParams tab."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from luthier.trial.records import Record, TrialReported
from luthier.trial.search.searcher import Values
from luthier.trial.story import Story

WRITTEN = "luthier-results"
"""File in a run's folder: how many of the trial's results are there."""


def write_events(story: Story, records: Sequence[Record], folder: Path) -> None:
    """Bring a folder of event files to where the experiment stands: what is new is a file of its own beside the others.

    Raises:
        ImportError: tensorboardX is not installed.
        OSError: a file can't be written.
    """
    results: dict[str, list[TrialReported]] = {}
    for record in records:
        if isinstance(record, TrialReported):
            results.setdefault(record.trial, []).append(record)
    for trial in story.trials:
        own, known = folder / trial.name, results.get(trial.name, [])
        done = _written(own)
        if done is None or done > len(known):
            shutil.rmtree(own, ignore_errors=True)
            done = 0
        elif done == len(known):
            continue
        given = trial.best.values if trial.best else trial.values
        _write(own, known[done:], done, given, [objective.metric for objective in story.spec.objectives])
        (own / WRITTEN).write_text(str(len(known)))


def _write(own: Path, results: Sequence[TrialReported], done: int, values: Values, objectives: Sequence[str]) -> None:
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    suffix = f".{done:08d}"
    for cut_off in own.glob(f"*{suffix}"):  # by a writer that was ended before it could say how many there are
        cut_off.unlink()
    with SummaryWriter(str(own), filename_suffix=suffix) as writer:
        for record in results:
            for name, value in record.metrics.items():
                writer.add_scalar(name, value, record.iteration, walltime=record.time)
        for summary in hparams(dict(values), dict.fromkeys(objectives)):
            writer.file_writer.add_summary(summary)


def _written(own: Path) -> int | None:
    try:
        return int((own / WRITTEN).read_text())
    except (OSError, ValueError):
        return None
