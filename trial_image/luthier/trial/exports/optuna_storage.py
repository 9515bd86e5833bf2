"""An experiment as a study in an Optuna storage, where optuna-dashboard and Optuna's own tools open it."""

from __future__ import annotations

import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from luthier.trial.exports.optuna_trials import directions, frozen_trials
from luthier.trial.story import Story

JOURNAL = "journal://"


def write_study(story: Story, url: str) -> None:
    """Write a study named as the experiment, in place of an earlier one that this same experiment left.

    Args:
        story: the experiment.
        url: of a database, as SQLAlchemy knows it (`sqlite:////path/to/study.db`), or `journal:///path/to/file`.

    Raises:
        ValueError: another experiment's study has the name.
        sqlalchemy.exc.SQLAlchemyError: the database can't be reached or written.
        OSError: the journal can't be written.
    """
    metadata, storage = story.experiment.metadata, storage_of(url)
    name = metadata.name if metadata.namespace == "default" else f"{metadata.namespace}/{metadata.name}"
    mark = f"{metadata.uid or name}"
    for summary in optuna.get_all_study_summaries(storage, include_best_trial=False):
        if summary.study_name == name:
            if summary.user_attrs.get("luthier:experiment") != mark:
                raise ValueError(f"there is a study {name!r} of another experiment already")
            optuna.delete_study(study_name=name, storage=storage)
    study = optuna.create_study(storage=storage, study_name=name, directions=directions(story.spec))
    study.set_user_attr("luthier:experiment", mark)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # nothing that the user could do about it
        study.set_metric_names([objective.metric for objective in story.spec.objectives])
    study.add_trials(frozen_trials(story))


def storage_of(url: str) -> BaseStorage:
    """Return the storage that a URL names."""
    if url.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(url.removeprefix(JOURNAL)))
    return RDBStorage(url)
