"""Exports, read back by the very libraries that their readers use; and none of them can do an experiment any harm."""

from __future__ import annotations

import csv
import json

import optuna
import pyarrow.parquet as pq
import pytest
from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from luthier.api.catalogue import SchedulerKind
from luthier.api.exports import Export, ExportType, FileFormat
from luthier.trial import closing
from luthier.trial.exports.exporting import try_export, write_export
from luthier.trial.exports.optuna_storage import storage_of
from luthier.trial.records import encode
from luthier.trial.trial_state import State
from support.builders import a_categorical, a_double, a_spec
from support.stories import a_played_study, a_study_of_two_objectives, the_experiment, the_story
from support.studies import ToldStudy

BETTER = optuna.trial.TrialState


@pytest.fixture(scope="module")
def told() -> ToldStudy:
    return a_played_study(SchedulerKind.ASHA, a_double(), a_categorical(), trials=12)


def exported(told: ToldStudy, folder, **wish) -> None:
    write_export(Export(name="it", **wish), the_story(told), told.records, folder)


def results_of(told: ToldStudy, trial: str) -> list:
    return [record for record in told.of_kind("result") if record.trial == trial]


def best_of(told: ToldStudy):
    return told.study.trials[next(iter(told.study.ranking))]


@pytest.fixture(scope="module")
def tables(told, tmp_path_factory):
    tables = tmp_path_factory.mktemp("tables")
    exported(told, tables, type=ExportType.FILES, formats=list(FileFormat))
    return tables


@pytest.fixture(scope="module")
def client(told, tmp_path_factory) -> MlflowClient:
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    for _ in range(2):
        exported(told, tmp_path_factory.mktemp("no"), type=ExportType.MLFLOW, uri=uri)
    return MlflowClient(tracking_uri=uri)


@pytest.fixture(scope="module")
def runs(client):
    return client.search_runs([client.get_experiment_by_name("told").experiment_id])


class TestFiles:
    def test_csv_has_every_trial_and_every_result(self, told, tables):
        with (tables / "trials.csv").open() as file:
            trials = list(csv.DictReader(file))
        with (tables / "results.csv").open() as file:
            results = list(csv.DictReader(file))
        assert [row["trial"] for row in trials] == list(told.study.trials)
        assert [float(row["metric.other"]) for row in results] == [r.metrics["other"] for r in told.of_kind("result")]
        best = best_of(told)
        assert (
            float(next(row for row in trials if row["rank"] in ("1", "1.0"))["metric.score0"])
            == best.best.metrics["score0"]
        )

    def test_json_lines_have_the_same_numbers_to_the_last_digit(self, told, tables):
        rows = [json.loads(line) for line in (tables / "trials.jsonl").read_text().splitlines()]
        assert {row["trial"]: row["parameter.x"] for row in rows} == pytest.approx(
            {t.name: (t.best.values if t.best else t.values)["x"] for t in told.study.trials.values()}, rel=1e-14
        )

    def test_parquet_is_typed(self, told, tables):
        table = pq.read_table(tables / "results.parquet")
        assert table.num_rows == len(told.of_kind("result"))
        assert str(table.schema.field("metric.score0").type) == "double"
        assert str(table.schema.field("iteration").type) == "int64"

    def test_no_half_file_is_left(self, tables):
        assert not list(tables.glob("*.new"))


class TestOptuna:
    @pytest.mark.parametrize("url", ["sqlite:///{}/study.db", "journal://{}/study.log"], ids=["sqlite", "journal"])
    def test_a_study_has_the_same_trials_and_the_same_winner(self, told, tmp_path, url):
        url = url.format(tmp_path)
        exported(told, tmp_path, type=ExportType.OPTUNA, uri=url)
        study = optuna.load_study(study_name="told", storage=storage_of(url))
        states = {trial.user_attrs["luthier:trial"]: trial.state for trial in study.trials}
        assert states.keys() == told.study.trials.keys()
        for name, trial in told.study.trials.items():
            if trial.state is State.STOPPED and trial.has_result:
                assert states[name] is BETTER.PRUNED
            if trial.state is State.SUCCEEDED:
                assert states[name] is BETTER.COMPLETE
        complete = [t for t in told.study.trials.values() if t.state is State.SUCCEEDED]
        assert study.best_value == max(t.best.metrics["score0"] for t in complete)

    def test_results_on_the_way_are_intermediate_values(self, told, tmp_path):
        exported(told, tmp_path, type=ExportType.OPTUNA)
        study = optuna.load_study(study_name="told", storage=f"sqlite:///{tmp_path}/study.db")
        best = best_of(told)
        trial = next(t for t in study.trials if t.user_attrs["luthier:trial"] == best.name)
        assert trial.intermediate_values == {
            r.iteration: r.metrics["score0"] for r in results_of(told, best.name) if "score0" in r.metrics
        }

    def test_it_replaces_its_own_study_and_nobody_elses(self, told, tmp_path):
        exported(told, tmp_path, type=ExportType.OPTUNA)
        exported(told, tmp_path, type=ExportType.OPTUNA)
        url = f"sqlite:///{tmp_path}/study.db"
        assert len(optuna.load_study(study_name="told", storage=url).trials) == len(told.study.trials)
        optuna.delete_study(study_name="told", storage=url)
        optuna.create_study(study_name="told", storage=url)
        with pytest.raises(ValueError, match="another experiment"):
            exported(told, tmp_path, type=ExportType.OPTUNA)

    def test_two_objectives_keep_their_front(self, tmp_path):
        exported(a_study_of_two_objectives((1, 1), (2, 2), (3, 5), (2, 4), (0, 1)), tmp_path, type=ExportType.OPTUNA)
        study = optuna.load_study(study_name="told", storage=f"sqlite:///{tmp_path}/study.db")
        assert sorted(trial.values for trial in study.best_trials) == [[1, 1], [2, 2], [3, 5]]


def test_tensorboard_reads_every_result_at_its_iteration(told, tmp_path):
    exported(told, tmp_path, type=ExportType.TENSORBOARD)
    exported(told, tmp_path, type=ExportType.TENSORBOARD)
    best = best_of(told)
    events = EventAccumulator(str(tmp_path / best.name)).Reload()
    read = {event.step: event.value for event in events.Scalars("score0")}
    assert read == pytest.approx(
        {r.iteration: r.metrics["score0"] for r in results_of(told, best.name) if "score0" in r.metrics}, rel=1e-6
    )
    assert "_hparams_/session_start_info" in events.summary_metadata


class TestMLflow:
    def test_there_is_a_run_a_trial_under_one_parent(self, told, runs):
        parent = next(run for run in runs if run.info.run_name == "told")
        trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        assert sorted(run.info.run_name for run in trials) == sorted(told.study.trials)
        assert len(runs) == len(trials) + 1
        assert parent.data.metrics["best.score0"] == best_of(told).best.metrics["score0"]

    def test_a_run_has_its_parameters_and_every_result(self, told, client, runs):
        best = best_of(told)
        run = next(run for run in runs if run.info.run_name == best.name)
        assert float(run.data.params["x"]) == pytest.approx(best.best.values["x"], rel=1e-5)
        history = client.get_metric_history(run.info.run_id, "score0")
        assert {metric.step: metric.value for metric in history} == {
            r.iteration: r.metrics["score0"] for r in results_of(told, best.name) if "score0" in r.metrics
        }

    def test_what_the_scheduler_stopped_is_killed_and_not_failed(self, told, runs):
        stopped = {trial.name for trial in told.study.trials.values() if trial.state is State.STOPPED}
        assert stopped
        assert {run.info.run_name for run in runs if run.info.status == "KILLED"} == stopped


def with_exports(told: ToldStudy, *exports: Export):
    experiment = the_experiment(told)
    spec = experiment.spec.model_copy(update={"exports": list(exports)})
    return experiment.model_copy(update={"spec": spec})


def test_an_export_that_fails_is_a_word_in_the_report_and_hinders_nobody(told, tmp_path):
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records)))
    away = Export(name="away", type=ExportType.OPTUNA, uri="sqlite:////no/such/tables/study.db")
    tables = Export(name="tables", type=ExportType.FILES)
    assert closing.close(with_exports(told, away, tables), tmp_path)
    assert (tmp_path / "exports" / "tables" / "trials.csv").exists()
    page = (tmp_path / "report.html").read_text()
    assert "not written: OperationalError" in page
    assert "<td>tables</td><td>Files</td><td>written</td>" in page


def test_names_that_a_trial_invented_are_written_nonetheless(tmp_path):
    told = ToldStudy(a_spec(a_double(), trials=1, parallel=1, iterations=1)).begins()
    told.reports(told.starts(), 1.0, **{"<odd>{name}\"'\n": 2.0})
    story = the_story(told)
    story.experiment = with_exports(told, *(Export(name=kind.lower(), type=kind) for kind in ExportType))
    exports = story.experiment.spec.exports
    assert {try_export(export, story, told.records, tmp_path) for export in exports} == {"written"}
