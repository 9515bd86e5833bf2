import json
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from luthier.api.manifest import parse
from luthier.cli import results
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.main import app
from luthier.cli.replay import manifest_document
from luthier.cli.run import plan_of
from luthier.cli.snapshot import of_object
from luthier.cli.targets import Found
from unit.cli.builders import MANIFEST, as_object, condition, ended, experiment, running, status

LEDGER = [
    {"kind": "attempt", "time": 0, "attempt": 1},
    {
        "kind": "result", "time": 1, "trial": "t0003", "iteration": 8, "metrics": {}, "decision": "Exploit",
        "exploit": {
            "donor": "t0001", "donorIteration": 8, "checkpoint": "c", "values": {"lr": 0.12, "momentum": 0.45},
            "changed": {"lr": [0.1, 0.12]},
        },
    },
]  # fmt: skip

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(MANIFEST))
    return path


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The folder of a run that has ended."""
    folder = tmp_path / "digits-1"
    folder.mkdir()
    results.keep_experiment(folder, experiment(), manifest=tmp_path / "experiment.yaml", code=tmp_path)
    results.keep_report(folder, ended())
    (folder / "ledger.jsonl").write_text("".join(json.dumps(record) + "\n" for record in LEDGER))
    return folder


def changed(manifest: Path, **spec: object) -> Path:
    manifest.write_text(json.dumps({**MANIFEST, "spec": {**MANIFEST["spec"], **spec}}))
    return manifest


def plan(file: Path | None = None, **options: object):
    return plan_of(file, **{"output": None, "resume": None, "seed": None, "parallel": None, **options})


def test_help_teaches_by_examples():
    text = call("--help")
    for line in ("luthier run experiment.yaml", "luthier watch digits-pbt", "Exit codes: 0 success"):
        assert line in text


def test_help_needs_neither_ray_nor_a_kubernetes_client():
    code = "import sys, luthier.cli.main; sys.exit(any(m in sys.modules for m in ('ray', 'kubernetes', 'numpy')))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(command):
    assert "Example:" in call(command, "--help")


@pytest.mark.parametrize("command", ["watch", "logs", "stop"])
def test_a_folder_is_no_name_in_the_cluster(command):
    assert "is a folder" in call(command, "luthier-results/digits-1", code=2)


def options_of(command: str) -> dict[str, type]:
    """What each option of a command takes, by its name."""
    (callback,) = (each.callback for each in app.registered_commands if each.callback.__name__ == command)
    hints = get_type_hints(callback, include_extras=True)
    annotated = [get_args(hint) for hint in hints.values() if len(get_args(hint)) == 2]
    return {name: kind for kind, option in annotated for name in (option.default, *(option.param_decls or ()))}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_speaks_to_programs_in_json(command):
    """By `-o json`; where `-o` names a place, by `--json`."""
    options = options_of(command)
    has_json = "JSON" in getattr(options["-o"], "__members__", {})
    assert has_json or options["--json"] is bool


def test_validate_says_what_a_manifest_asks_for(manifest):
    assert call("validate", manifest) == (
        "digits is valid: maximize accuracy over lr, momentum by Random and pbt, "
        "8 trials of at most 40 iterations, 2 at a time.\n"
    )


def test_validate_names_every_broken_rule(manifest):
    changed(manifest, budget={"trials": 0}, trial={"function": "train"})
    text = call("validate", manifest, code=2)
    assert "breaks 2 rules" in text
    assert "budget.trials" in text
    assert "trial.function" in text
    assert "Next:" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("a: [", "can't be used", id="no YAML"),
        pytest.param("", "holds no TuningExperiment", id="nothing"),
        pytest.param("kind: ConfigMap\n", "holds no TuningExperiment", id="another kind"),
    ],
)
def test_validate_refuses_what_is_no_manifest(tmp_path, content, said):
    path = tmp_path / "m.yaml"
    path.write_text(content)
    assert said in call("validate", path, code=2)


def test_a_file_that_is_not_there_is_said():
    assert "There is no file nowhere.yaml" in call("run", "nowhere.yaml", code=2)


def test_a_file_with_two_experiments_is_refused(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps(MANIFEST) + "\n---\n" + json.dumps(MANIFEST))
    assert "2 TuningExperiments" in call("run", path, code=2)


def test_runs_get_folders_with_numbers(manifest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [plan(manifest).directory for _ in range(2)] == [results.RESULTS / "digits-1", results.RESULTS / "digits-2"]


def test_code_comes_from_the_manifests_folder(manifest, tmp_path):
    assert plan(manifest, output=tmp_path / "out").code == tmp_path


def test_code_comes_from_a_config_map_in_the_same_file(manifest, tmp_path):
    config_map = {"kind": "ConfigMap", "metadata": {"name": "code"}, "data": {"train.py": "Member = 1\n"}}
    changed(manifest, trial={"function": "train:Member", "source": {"configMap": "code"}})
    manifest.write_text(manifest.read_text() + "\n---\n" + json.dumps(config_map))
    assert (plan(manifest, output=tmp_path / "out").code / "train.py").read_text() == "Member = 1\n"


def test_seed_and_parallel_change_the_experiment(manifest, tmp_path):
    spec = plan(manifest, output=tmp_path / "out", seed=42, parallel=4).experiment.spec
    assert (spec.search.seed, spec.budget.parallel_trials) == (42, 4)


def test_a_wish_that_breaks_a_rule_is_refused_before_anything_is_made(manifest, tmp_path):
    assert "budget.parallelTrials" in call("run", manifest, "-o", tmp_path / "out", "--parallel", 9, code=2)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_a_run_is_not_taken_for_another(manifest, finished):
    assert f"luthier run --resume {finished}" in call("run", manifest, "-o", finished, code=2)


def test_a_run_goes_on_with_what_it_began_with(finished, tmp_path):
    resumed = plan(resume=finished)
    assert (resumed.experiment, resumed.code, resumed.directory) == (experiment(), tmp_path, finished)


def test_a_run_goes_on_with_a_raised_budget(manifest, finished):
    changed(manifest, budget={"trials": 20, "parallelTrials": 2, "iterationsPerTrial": 40})
    assert plan(manifest, resume=finished).experiment.spec.budget.trials == 20


def test_a_run_does_not_go_on_as_another_experiment(manifest, finished):
    changed(manifest, search={"algorithm": "TPE"})
    with pytest.raises(Refusal, match="not the same: search"):
        plan(manifest, resume=finished)


def test_a_folder_of_something_else_is_not_gone_on_with(tmp_path):
    assert "was not made by `luthier run`" in call("run", "--resume", tmp_path, code=2)


def test_best_in_yaml_can_be_read_by_programs_and_people(finished):
    text = call("best", finished)
    assert text.startswith("# digits: accuracy 0.9849, t0003 at iteration 32\n")
    assert YAML(typ="safe").load(text) == {"lr": 0.12, "momentum": 0.45}


def test_best_in_json(finished):
    assert json.loads(call("best", finished, "--format", "json")) == {"lr": 0.12, "momentum": 0.45}


def test_best_as_arguments(finished):
    assert call("best", finished, "-f", "args") == "--lr=0.12 --momentum=0.45\n"


def test_best_before_any_result_says_to_wait(finished):
    results.keep_report(finished, running().model_copy(update={"best": None}))
    assert "has given a result yet" in call("best", finished, code=2)


def test_replay_prints_the_schedule_from_the_ledger(finished):
    document = json.loads(replayed(finished, "--schedule"))
    assert document["iterations"] == 32
    assert document["schedule"] == [
        {"firstIteration": 1, "lastIteration": 8, "trial": "t0001", "parameters": {"lr": 0.1, "momentum": 0.45}},
        {"firstIteration": 9, "lastIteration": 32, "trial": "t0003", "parameters": {"lr": 0.12, "momentum": 0.45}},
    ]


def test_replay_prints_a_manifest_that_trains_by_the_schedule(finished):
    document = json.loads(replayed(finished))
    assert document["metadata"] == {"name": "digits-replay"}
    assert document["spec"] == {
        "objectives": [{"metric": "accuracy", "direction": "Maximize"}],
        "parameters": MANIFEST["spec"]["parameters"],
        "search": {"algorithm": "Random", "initialPoints": [{"values": {"lr": 0.1, "momentum": 0.45}}]},
        "scheduler": {"replay": {"schedule": [{"firstIteration": 9, "values": {"lr": 0.12, "momentum": 0.45}}]}},
        "budget": {"trials": 1, "parallelTrials": 1, "iterationsPerTrial": 32},
        "trial": {"function": "train:Member"},
    }


def test_the_manifest_that_replay_prints_is_valid(finished, tmp_path):
    path = tmp_path / "replay.yaml"
    path.write_text(CliRunner().invoke(app, ["replay", str(finished)]).stdout)
    assert path.read_text().startswith("# t0003 of digits: accuracy 0.9849 at iteration 32\n")
    assert call("validate", path).startswith("digits-replay is valid: ")


def test_a_winner_that_never_copied_is_replayed_without_a_scheduler(finished):
    (finished / "ledger.jsonl").write_text(json.dumps(LEDGER[0]) + "\n")
    spec = json.loads(replayed(finished))["spec"]
    assert "scheduler" not in spec
    assert spec["search"]["initialPoints"] == [{"values": {"lr": 0.12, "momentum": 0.45}}]


def test_a_replay_asks_for_no_target_and_runs_even_where_the_original_was_suspended(finished, tmp_path):
    goal = {"metric": "accuracy", "direction": "Maximize", "target": 0.99}
    spec = {**MANIFEST["spec"], "objectives": [goal], "suspend": True, "trial": {"function": "a:b", "retries": 2}}
    original = parse({"metadata": {"name": "x" * 40, "namespace": "team"}, "spec": spec})
    results.keep_experiment(finished, original, manifest=tmp_path, code=tmp_path)
    document = json.loads(replayed(finished))
    assert document["metadata"] == {"name": f"{'x' * 33}-replay", "namespace": "team"}
    assert document["spec"]["objectives"] == [{"metric": "accuracy", "direction": "Maximize"}]
    assert "suspend" not in document["spec"]
    assert document["spec"]["trial"] == {"function": "a:b", "retries": 2}


def in_cluster(**spec: object) -> Found:
    obj = as_object(status(condition("Succeeded")))
    obj["spec"] = {**obj["spec"], **spec}
    snapshot = of_object(obj)
    return Found(snapshot, snapshot.best, () if "scheduler" in spec else snapshot.population.lineage, obj)


def test_an_experiment_of_the_cluster_is_replayed_in_its_namespace():
    document = manifest_document(in_cluster())
    assert document["metadata"] == {"name": "digits-replay", "namespace": "team"}
    assert [change["firstIteration"] for change in document["spec"]["scheduler"]["replay"]["schedule"]] == [5, 9]


def test_a_replay_in_the_cluster_is_its_own_manifest():
    schedule = [{"firstIteration": 9, "values": {"lr": 0.12}}]
    with pytest.raises(Refusal, match="is a replay itself"):
        manifest_document(in_cluster(scheduler={"replay": {"schedule": schedule}}))


def test_an_experiment_of_another_version_is_not_made_a_replay_of():
    with pytest.raises(Refusal, match="not of this version") as refusal:
        manifest_document(in_cluster(ghosts=3))
    assert "ghosts" in refusal.value.problems[0]


def test_a_replay_is_replayed_by_the_same_schedule(finished, tmp_path):
    again = json.loads(replayed(finished))
    results.keep_experiment(finished, parse(again), manifest=tmp_path, code=tmp_path)
    change = {"donor": "t0003", "donorIteration": 8, "values": {"lr": 0.12}, "changed": {"lr": [0.1, 0.12]}}
    (finished / "ledger.jsonl").write_text(json.dumps({**LEDGER[1], "exploit": change}) + "\n")
    assert json.loads(replayed(finished))["spec"] == again["spec"]


def replayed(folder: Path, *options: str) -> str:
    return CliRunner().invoke(app, ["replay", str(folder), "--format", "json", *options]).stdout


def test_an_error_that_nobody_foresaw_is_a_sentence_too():
    from typer import Exit

    @speaks_plainly
    def broken() -> None:
        raise RuntimeError("on fire")

    with pytest.raises(Exit) as ended_with:
        broken()
    assert ended_with.value.exit_code == 70


def test_what_is_kept_of_a_run_reads_back_the_same(finished):
    assert results.read_experiment(finished) == parse(MANIFEST)
    assert results.read_report(finished) == ended()


def test_who_reads_no_further_hears_nothing_more(manifest):
    command = [Path(sys.executable).parent / "luthier", "validate", manifest]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as left:
        assert left.stdout is not None
        left.stdout.close()
        assert left.stderr is not None
        assert left.stderr.read() == ""
    assert left.returncode == 1


def test_a_module_that_ends_python_ends_only_its_own_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    assert "leaves can't be imported: SystemExit: 3" in call("convert", "leaves:space", code=2)


@pytest.mark.parametrize("command", ["trials", "best", "explain", "replay", "report", "ui"])
def test_a_folder_without_a_run_is_said(tmp_path, command):
    assert "it has no experiment.json" in call(command, tmp_path, code=2)


@pytest.mark.parametrize("command", ["best", "explain", "replay"])
def test_a_run_that_has_reported_nothing_is_said(tmp_path, command):
    results.keep_experiment(tmp_path, experiment(), manifest=tmp_path / "experiment.yaml", code=tmp_path)
    assert "Nothing has been reported" in call(command, tmp_path, code=2)
