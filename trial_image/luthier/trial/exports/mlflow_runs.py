"""An experiment as MLflow's: a parent run, and a nested run a trial with its parameters and all its results."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from luthier.trial.records import Record, TrialReported
from luthier.trial.story import Story, parameter_text
from luthier.trial.trial_state import State, TrialState

MARK = "luthier.experiment"
FORBIDDEN = re.compile(r"[^A-Za-z0-9_. /-]")
NAME_CHARACTERS = 200
BATCH = 900
"""Metrics in one request; MLflow takes a thousand things."""
STATUS = {State.SUCCEEDED: "FINISHED", State.STOPPED: "KILLED", State.FAILED: "FAILED"}


def write_runs(story: Story, records: Sequence[Record], uri: str) -> None:
    """Write the runs, in place of those that this same experiment left before.

    Args:
        story: the experiment.
        records: its ledger.
        uri: of the tracking server (`http://mlflow:5000`) or of a database (`sqlite:////path/to/mlflow.db`).

    Raises:
        ImportError: mlflow is not installed.
        mlflow.exceptions.MlflowException: the server can't be reached or refuses.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    metadata = story.experiment.metadata
    name = metadata.name if metadata.namespace == "default" else f"{metadata.namespace}/{metadata.name}"
    mark = metadata.uid or name
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    for run in list(_earlier(client, experiment, mark)):  # all of them first: a page begins where the last one ended
        client.delete_run(run.info.run_id)
    parent = client.create_run(experiment, start_time=_ms(story.started), run_name=name, tags={MARK: mark})
    results: dict[str, list[TrialReported]] = {}
    for record in records:
        if isinstance(record, TrialReported):
            results.setdefault(record.trial, []).append(record)
    for trial in story.trials:
        tags = {MARK: mark, "mlflow.parentRunId": parent.info.run_id, "luthier.state": trial.state.value}
        _write_trial(client, experiment, story, trial, results.get(trial.name, []), tags)
    if story.ranked and (best := story.ranked[0].best):
        for metric, value in best.metrics.items():
            client.log_metric(parent.info.run_id, f"best.{_named(metric)}", value)
    outcome = story.study.outcome
    status = "RUNNING" if outcome is None else "FINISHED" if outcome.succeeded else "FAILED"
    client.set_terminated(parent.info.run_id, status, _ms(story.now))


def _earlier(client: Any, experiment: str, mark: str) -> Iterator[Any]:
    quoted = mark.replace("'", "")
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{MARK}` = '{quoted}'", max_results=1000, page_token=token)
        yield from list(page)
        token = page.token
        if not token:
            return


def _write_trial(
    client: Any,
    experiment: str,
    story: Story,
    trial: TrialState,
    results: Sequence[TrialReported],
    tags: dict[str, str],
) -> None:
    from mlflow.entities import Metric, Param

    starts = [run.start for run in story.runs_of(trial.name)]
    ends = [run.end for run in story.runs_of(trial.name) if run.end is not None]
    start = _ms(starts[0]) if starts else _ms(story.started)
    run = client.create_run(experiment, start_time=start, run_name=trial.name, tags=tags).info.run_id
    values = trial.best.values if trial.best else trial.values
    params = [Param(_named(name), parameter_text(value)) for name, value in values.items()]
    client.log_batch(run, params=params)
    metrics = (
        Metric(_named(name), value, _ms(result.time), result.iteration)
        for result in results
        for name, value in result.metrics.items()
    )
    while batch := list(itertools.islice(metrics, BATCH)):
        client.log_batch(run, metrics=batch)
    client.set_terminated(run, STATUS.get(trial.state, "RUNNING"), _ms(ends[-1]) if ends else None)


def _named(name: str) -> str:
    """Return a name that MLflow takes; a trial may invent any."""
    return FORBIDDEN.sub("_", name)[:NAME_CHARACTERS]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
