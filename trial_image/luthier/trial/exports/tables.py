"""An experiment as two tables of plain values: its trials, and every result that a trial reported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from luthier.api.parameters import Scalar
from luthier.trial.records import Record, TrialReported
from luthier.trial.story import Story

Cell = Scalar | None
Row = dict[str, Cell]


def trial_rows(story: Story) -> list[Row]:
    """Return one row a trial: where it stands, its best result, the parameters of that result, its time.

    `metric.` and `parameter.` stand before the names that users chose. Times are ISO 8601 in UTC, durations seconds.
    """
    starts = {run.trial: run.start for run in reversed(story.runs)}
    ends = {run.trial: run.end for run in story.runs}
    ranks = {trial.name: rank for rank, trial in enumerate(story.ranked, start=1)}
    names = [parameter.name for parameter in story.spec.parameters]
    metrics = sorted({name for trial in story.trials if trial.best for name in trial.best.metrics})
    rows: list[Row] = []
    for trial in story.trials:
        best, values = trial.best, trial.best.values if trial.best else trial.values
        rows.append(
            {
                "trial": trial.name,
                "state": trial.state.value,
                "rank": ranks.get(trial.name),
                "iteration": trial.iteration,
                "best_iteration": best.iteration if best else None,
                **{f"metric.{name}": best.metrics.get(name) if best else None for name in metrics},
                **{f"parameter.{name}": values.get(name) for name in names},
                "started": _moment(starts.get(trial.name)),
                "ended": _moment(ends.get(trial.name)),
                "seconds": round(trial.seconds, 3),
                "retries": trial.retries,
                "cause": trial.cause,
                "message": trial.message,
            }
        )
    return rows


def result_rows(records: Iterable[Record]) -> list[Row]:
    """Return one row a result, in the order in which they came, with every metric that any result carries."""
    results = [record for record in records if isinstance(record, TrialReported)]
    metrics = sorted({name for result in results for name in result.metrics})
    return [
        {
            "time": _moment(result.time),
            "trial": result.trial,
            "iteration": result.iteration,
            "decision": result.decision,
            "donor": result.exploit.donor if result.exploit else None,
            **{f"metric.{name}": result.metrics.get(name) for name in metrics},
        }
        for result in results
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
