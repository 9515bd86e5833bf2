"""What an experiment has found, as Python objects: read from its report and its ledger, never unpickled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from luthier.api.status import TrialResult
from luthier.cli.errors import Refusal
from luthier.cli.records import fetch_checkpoint, is_folder, open_archive, records_of
from luthier.cli.report import experiment_of
from luthier.cli.results import read_experiment, read_report
from luthier.cli.snapshot import Snapshot, of_object, of_report
from luthier.cli.trial_rows import TrialRow, trial_rows
from luthier.trial.records import Record, TrialReported


class Result:
    """An experiment as it was when it was last looked at; `refresh` looks again."""

    def __init__(self, target: str, namespace: str | None = None) -> None:
        """Stand for the run in a folder, or for the experiment of that name in the cluster."""
        self.target = target
        self.namespace = namespace
        self._seen: Snapshot | None = None
        self._records: list[Record] | None = None

    def __repr__(self) -> str:
        seen = self._snapshot
        best = "no result yet" if seen.best is None else f"best {dict(seen.best.metrics)} with {seen.best.parameters}"
        return f"<Result {seen.name}: {seen.state}, {seen.trials.finished}/{seen.trials.total} trials, {best}>"

    def refresh(self) -> Result:
        """Look at the experiment again.

        Raises:
            Refusal: it is not there, or can't be reached.
        """
        if is_folder(self.target, self.namespace):
            folder = Path(self.target)
            self._seen = of_report(read_experiment(folder), read_report(folder), interrupted=True)
        else:
            from luthier.cli.cluster import connect

            self._seen = of_object(connect(self.namespace).read(self.target))
        self._records = None
        return self

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self._snapshot.name

    @property
    def state(self) -> str:
        """Pending, Running, Suspended, Stalled, Interrupted, Succeeded, Failed or Rejected."""
        return self._snapshot.state

    @property
    def message(self) -> str:
        """Why it is in that state, in a sentence."""
        return self._snapshot.message

    @property
    def best(self) -> TrialResult:
        """The best trial by the primary objective, at its best iteration.

        Raises:
            Refusal: no trial has given a result yet.
        """
        best = self._snapshot.best
        if best is None:
            raise Refusal(f"No trial of {self.name} has given a result yet; it is {self.state}.", hint="Wait for one.")
        return best

    @property
    def parameters(self) -> dict[str, Any]:
        """The best trial's parameters, as its training code took them."""
        return dict(self.best.parameters)

    @property
    def value(self) -> float:
        """The best trial's value of the primary objective."""
        return float(self.best.metrics[self._snapshot.objectives[0].metric])

    def trials(self) -> list[TrialRow]:
        """Return all trials in the order in which they were proposed, with their checkpoints' paths."""
        return trial_rows(self._ledger(), self._snapshot.objectives)

    def dataframe(self) -> pd.DataFrame:
        """Return a row for each trial: trial, state, iteration, seconds, `parameters.*`, last `metrics.*`, best."""
        rows = [
            {
                "trial": row.trial,
                "state": row.state,
                "iteration": row.iteration,
                "best": row.best,
                "seconds": row.seconds,
                **{f"parameters.{name}": value for name, value in row.parameters.items()},
                **{f"metrics.{name}": value for name, value in row.metrics.items()},
            }
            for row in self.trials()
        ]
        return pd.DataFrame(rows)

    def history(self) -> pd.DataFrame:
        """Return a row for each report of each trial, in time: time (seconds since the epoch), trial, iteration,
        `metrics.*`."""
        reports = (record for record in self._ledger() if isinstance(record, TrialReported))
        rows = [
            {
                "time": report.time,
                "trial": report.trial,
                "iteration": report.iteration,
                **{f"metrics.{name}": value for name, value in report.metrics.items()},
            }
            for report in reports
        ]
        return pd.DataFrame(rows)

    def figures(self) -> dict[str, go.Figure]:
        """Return the report's figures by name, as plotly's."""
        from luthier.trial.report.view import view_of
        from luthier.trial.story import story_of

        view = view_of(story_of(self._experiment(), self._ledger(), time.time()))
        return {name: go.Figure(figure.to_json()) for name, figure in view.figures.items()}

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML page, and return its path."""
        from luthier.trial.report.making import make_page

        path = Path(path)
        path.write_text(make_page(self._experiment(), self._ledger(), now=time.time()), encoding="utf-8")
        return path

    def checkpoint(self, into: str | Path) -> Path:
        """Copy the best trial's checkpoint into a folder that is new or empty, and return its path.

        Raises:
            Refusal: it has none, it is damaged, or the folder can't be written.
        """
        if self.best.checkpoint is None:
            raise Refusal(
                f"The best trial of {self.name}, {self.best.trial}, has saved no checkpoint.",
                hint="Report one with each result, or write save_checkpoint.",
            )
        into = Path(into)
        fetch_checkpoint(self.target, self.namespace, self.best.checkpoint, into)
        return into

    @property
    def _snapshot(self) -> Snapshot:
        if self._seen is None:
            self.refresh()
        assert self._seen is not None  # noqa: S101 - refresh has seen it
        return self._seen

    def _ledger(self) -> list[Record]:
        if self._records is None:
            with open_archive(self.target, self.namespace) as archive:
                self._records = list(records_of(archive.lines()))
        return self._records

    def _experiment(self) -> Any:
        with open_archive(self.target, self.namespace) as archive:
            return experiment_of(archive.document)
