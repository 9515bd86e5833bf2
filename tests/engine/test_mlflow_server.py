"""The MLflow export against a real server over HTTP, which grows with the experiment and may die in the middle."""

from __future__ import annotations

import json

import pytest
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from luthier.api.catalogue import SchedulerKind
from luthier.api.exports import Export, ExportType
from luthier.trial.closing import begin_closing
from luthier.trial.exports.mlflow_runs import write_runs
from luthier.trial.records import encode
from luthier.trial.story import story_of
from luthier.trial.trial_state import State
from support.mlflow_server import MlflowServer
from support.stories import a_played_study, the_experiment


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.end()


def sent(told, name, uri, upto=None):
    write_runs(story_of(the_experiment(told, name), told.records[:upto]), told.records[:upto], uri)
    return runs_of(name, uri)


def runs_of(name, uri, view=ViewType.ACTIVE_ONLY):
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id], run_view_type=view)
    return {run.info.run_name: run for run in runs}


def history(uri, run):
    metrics = MlflowClient(uri).get_metric_history(run.info.run_id, "score0")
    return sorted((metric.step, metric.value) for metric in metrics)


def told_of(told, trial):
    results = [r for r in told.of_kind("result") if r.trial == trial and "score0" in r.metrics]
    return sorted((result.iteration, result.metrics["score0"]) for result in results)


def ids(runs):
    return {name: run.info.run_id for name, run in runs.items()}


def test_it_grows_in_place_with_the_experiment(server):
    told = a_played_study(SchedulerKind.NONE, trials=4)
    before = sent(told, "grows", server.uri, upto=len(told.records) // 2)
    after = sent(told, "grows", server.uri)
    assert before["grows"].info.status == "RUNNING"
    assert after["grows"].info.status == "FINISHED"
    assert ids(before).items() <= ids(after).items()
    for name, trial in told.study.trials.items():
        assert history(server.uri, after[name]) == told_of(told, name)
        assert after[name].info.status == ("FINISHED" if trial.state is State.SUCCEEDED else "FAILED")
    again = sent(told, "grows", server.uri)
    assert [run.to_dictionary() for run in again.values()] == [run.to_dictionary() for run in after.values()]


def test_a_member_whose_best_parameters_changed_gets_a_run_with_the_new_ones_and_the_old_one_goes(server):
    told = a_played_study(SchedulerKind.PBT, trials=4)
    cut = next(n for n, r in enumerate(told.records) if r.kind == "result" and r.exploit)
    sent(told, "changes", server.uri, upto=cut)
    after = sent(told, "changes", server.uri)
    assert sorted(after) == sorted(["changes", *told.study.trials])
    for name, trial in told.study.trials.items():
        assert float(after[name].data.params["x"]) == pytest.approx(trial.best.values["x"], rel=1e-5)
        assert history(server.uri, after[name]) == told_of(told, name)
    assert runs_of("changes", server.uri, ViewType.DELETED_ONLY)


def test_an_export_that_was_cut_off_goes_on_with_the_run_that_has_most_of_what_fits(server):
    told = a_played_study(SchedulerKind.NONE, trials=2)
    before = sent(told, "twice", server.uri)
    client, name = MlflowClient(server.uri), next(iter(told.study.trials))
    run = before[name]
    for params in ({"x": "another"}, run.data.params):
        twin = client.create_run(
            run.info.experiment_id,
            run.info.start_time,
            {tag: value for tag, value in run.data.tags.items() if tag.startswith("luthier.") or "parent" in tag},
            name,
        )
        client.set_tag(twin.info.run_id, "luthier.results", "1")
        for key, value in params.items():
            client.log_param(twin.info.run_id, key, value)
    assert ids(sent(told, "twice", server.uri)) == ids(before)


def test_a_server_that_dies_in_the_middle_fails_no_experiment_and_the_next_export_completes_what_is_there(
    server, tmp_path
):
    told = a_played_study(SchedulerKind.NONE, trials=12)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records)))
    experiment = the_experiment(told, "dies")
    lab = Export(name="lab", type=ExportType.MLFLOW, uri=server.uri)
    spec = experiment.spec.model_copy(update={"exports": [lab]})
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps(experiment.model_copy(update={"spec": spec}).to_json()))

    server.dies_after(3, "runs/log-batch")
    said = begin_closing(file, tmp_path, seconds=120)()
    server.end()

    assert said.startswith("export lab (MLflow): not written: MlflowException")
    assert "not written: MlflowException" in (tmp_path / "report.html").read_text()

    server.starts()
    before = runs_of("dies", server.uri)
    assert 1 < len(before) < 13
    assert begin_closing(file, tmp_path, seconds=120)() == ""
    after = runs_of("dies", server.uri)
    assert ids(before).items() <= ids(after).items()
    assert all(history(server.uri, after[name]) == told_of(told, name) for name in told.study.trials)
