"""An experiment as a study in an Optuna storage, where optuna-dashboard and Optuna's own tools open it."""

from __future__ import annotations

import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from luthier.trial.exports.optuna_trials import TRIAL, directions, frozen_trials
from luthier.trial.story import Story

JOURNAL = "journal://"
MARK = "luthier:experiment"


def write_study(story: Story, url: str) -> None:
    """Bring a study named as the experiment to where that stands; while it runs, it has the trials that have ended.

    A trial that has ended is added and stays as it is. Where one has changed since, as after a raised budget, the
    study is made anew.

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
    mark = metadata.uid or name
    trials = {
        str(trial.user_attrs[TRIAL]): trial
        for trial in frozen_trials(story)
        if not story.is_live or trial.state.is_finished()
    }
    study = _earlier(storage, name, mark)
    known = study.trials if study else []
    if study and not all(_is_as_it_was(trial, trials.get(str(trial.user_attrs.get(TRIAL)))) for trial in known):
        optuna.delete_study(study_name=name, storage=storage)
        study, known = None, []
    if study is None:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions(story.spec))
        study.set_user_attr(MARK, mark)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # nothing that the user could do about it
            study.set_metric_names([objective.metric for objective in story.spec.objectives])
    there = {str(trial.user_attrs[TRIAL]) for trial in known}
    study.add_trials(trial for trial_name, trial in trials.items() if trial_name not in there)


def _earlier(storage: BaseStorage, name: str, mark: str) -> optuna.Study | None:
    for summary in optuna.get_all_study_summaries(storage, include_best_trial=False):
        if summary.study_name == name:
            if summary.user_attrs.get(MARK) != mark:
                raise ValueError(f"there is a study {name!r} of another experiment already")
            return optuna.load_study(study_name=name, storage=storage)
    return None


def _is_as_it_was(trial: FrozenTrial, now: FrozenTrial | None) -> bool:
    return now is not None and all(
        getattr(trial, what) == getattr(now, what)
        for what in ("state", "values", "params", "distributions", "intermediate_values")
    )


def storage_of(url: str) -> BaseStorage:
    """Return the storage that a URL names."""
    if url.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(url.removeprefix(JOURNAL)))
    return RDBStorage(url)
