"""An experiment as MLflow's: a parent run, and a nested run a trial with its parameters and all its results.

Runs stay what they are and grow: what is there is not sent again, so a server that is asked every few minutes hears
little, and a page that somebody has open goes on. Only a trial whose best parameters have changed gets a new run,
since MLflow's parameters never do; the old one goes when all that is new is there. Cut off anywhere, it goes on
from there the next time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from luthier.trial.records import Record, TrialReported
from luthier.trial.story import Story, parameter_text
from luthier.trial.trial_state import State, TrialState

MARK = "luthier.experiment"
TRIAL = "luthier.trial"
STATE = "luthier.state"
LOGGED = "luthier.results"
"""Number of the trial's results that are there."""
PARENT = "mlflow.parentRunId"
FORBIDDEN = re.compile(r"[^A-Za-z0-9_. /-]")
NAME_CHARACTERS = 200
BATCH = 900
"""Metrics in one request; MLflow takes a thousand things."""
RUNNING = "RUNNING"
STATUS = {State.SUCCEEDED: "FINISHED", State.STOPPED: "KILLED", State.FAILED: "FAILED"}
MANNERS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""What MLflow does unless somebody has said otherwise: by itself it asks a dead server for minutes."""


def write_runs(story: Story, records: Sequence[Record], uri: str) -> None:
    """Bring the runs of this same experiment to where it stands now, making those that are missing.

    Args:
        story: the experiment.
        records: its ledger.
        uri: of the tracking server (`http://mlflow:5000`) or of a database (`sqlite:////path/to/mlflow.db`).

    Raises:
        ImportError: mlflow is not installed.
        mlflow.exceptions.MlflowException: the server can't be reached or refuses.
    """
    for name, value in MANNERS.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    results: dict[str, list[TrialReported]] = {}
    for record in records:
        if isinstance(record, TrialReported):
            results.setdefault(record.trial, []).append(record)
    runs = _Runs(MlflowClient(tracking_uri=uri), story)
    for trial in story.trials:
        runs.write(trial, results.get(trial.name, []))
    runs.finish()


class _Runs:
    """The runs of one experiment on one server."""

    def __init__(self, client: Any, story: Story) -> None:
        """Find the experiment and its runs, or make it."""
        metadata = story.experiment.metadata
        self._client, self._story = client, story
        self._name = metadata.name if metadata.namespace == "default" else f"{metadata.namespace}/{metadata.name}"
        self._mark = metadata.uid or self._name
        found = client.get_experiment_by_name(self._name)
        self._experiment = found.experiment_id if found else client.create_experiment(self._name)
        self._earlier = {run.info.run_id: run for run in self._search()}
        own = next((run for run in self._earlier.values() if PARENT not in run.data.tags), None)
        self._parent = self._earlier.pop(own.info.run_id) if own else self._create(self._name, story.started, {})
        self._by_trial: dict[str, list[Any]] = {}
        for run in self._earlier.values():
            if self._is_ours(run):
                self._by_trial.setdefault(run.data.tags[TRIAL], []).append(run)

    def _search(self) -> Iterator[Any]:
        quoted, token = self._mark.replace("'", ""), None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{MARK}` = '{quoted}'", max_results=1000, page_token=token
            )
            yield from list(page)
            token = page.token
            if not token:
                return

    def _is_ours(self, run: Any) -> bool:
        """Whether a run is one to go on with: it hangs on the parent, and says how far it is."""
        tags = run.data.tags
        return {TRIAL, LOGGED} <= tags.keys() and tags[PARENT] == self._parent.info.run_id and tags[LOGGED].isdigit()

    def _create(self, name: str, start: float, tags: dict[str, str]) -> Any:
        return self._client.create_run(
            self._experiment, start_time=_ms(start), run_name=name, tags={MARK: self._mark, **tags}
        )

    def write(self, trial: TrialState, results: Sequence[TrialReported]) -> None:
        """Bring a trial's run to where the trial stands."""
        from mlflow.entities import Metric, Param, RunTag

        values = trial.best.values if trial.best else trial.values
        params = {_named(name): parameter_text(value) for name, value in values.items()}
        fitting = [
            run
            for run in self._by_trial.get(trial.name, [])
            if run.data.params == params and int(run.data.tags[LOGGED]) <= len(results)
        ]
        run = max(fitting, key=lambda run: int(run.data.tags[LOGGED]), default=None)
        if run is None:
            starts = [stretch.start for stretch in self._story.runs_of(trial.name)]
            tags = {PARENT: self._parent.info.run_id, TRIAL: trial.name, LOGGED: "0"}
            run = self._create(trial.name, starts[0] if starts else self._story.started, tags)
            self._client.log_batch(run.info.run_id, params=[Param(*pair) for pair in params.items()])
        else:
            del self._earlier[run.info.run_id]
        done = int(run.data.tags[LOGGED])
        points = [
            (number, Metric(_named(name), value, _ms(result.time), result.iteration))
            for number, result in enumerate(results[done:], start=done)
            for name, value in result.metrics.items()
        ]
        for first in range(0, len(points), BATCH):
            rest = points[first + BATCH :]
            whole = rest[0][0] if rest else len(results)
            metrics = [metric for _, metric in points[first : first + BATCH]]
            self._client.log_batch(run.info.run_id, metrics=metrics, tags=[RunTag(LOGGED, str(whole))])
        if run.data.tags.get(STATE) != trial.state.value:
            self._client.set_tag(run.info.run_id, STATE, trial.state.value)
        ends = [stretch.end for stretch in self._story.runs_of(trial.name) if stretch.end is not None]
        self._set_status(run, STATUS.get(trial.state, RUNNING), ends[-1] if ends else self._story.now)

    def finish(self) -> None:
        """Tell of the whole on the parent, and take away the runs that newer ones have replaced."""
        story, parent = self._story, self._parent
        best = story.ranked[0].best if story.ranked else None
        for metric, value in best.metrics.items() if best else ():
            if parent.data.metrics.get(name := f"best.{_named(metric)}") != value:
                self._client.log_metric(parent.info.run_id, name, value)
        outcome = story.study.outcome
        status = RUNNING if outcome is None else "FINISHED" if outcome.succeeded else "FAILED"
        self._set_status(parent, status, story.now)
        for run in self._earlier:
            self._client.delete_run(run)

    def _set_status(self, run: Any, status: str, end: float) -> None:
        if run.info.status == status:
            return
        if status == RUNNING:
            self._client.update_run(run.info.run_id, status=status)
        else:
            self._client.set_terminated(run.info.run_id, status, _ms(end))


def _named(name: str) -> str:
    """Return a name that MLflow takes; a trial may invent any."""
    return FORBIDDEN.sub("_", name)[:NAME_CHARACTERS]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
