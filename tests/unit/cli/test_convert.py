"""Katib Experiments and Python spaces become manifests that are valid, and what has no equal is said."""

import json

import pytest
from ruamel.yaml import YAML

from luthier.api.manifest import parse
from luthier.cli.errors import Refusal
from luthier.cli.katib import from_katib
from luthier.cli.spaces import NoSpace, parameters_of
from unit.cli.test_commands import call


def a_katib_experiment(**changes):
    """As in Katib's own first example."""
    container = {
        "name": "training-container",
        "image": "example.org/mnist:1",
        "command": ["python3", "/opt/mnist.py", "--epochs=1", "--lr=${trialParameters.learningRate}"],
        "args": ["--momentum", "${trialParameters.momentum}"],
        "resources": {"limits": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": 1}},
        "env": [{"name": "MODE", "value": "fast"}],
    }
    pod = {"containers": [container], "restartPolicy": "Never", "nodeSelector": {"pool": "gpu"}}
    spec = {
        "objective": {
            "type": "minimize", "goal": 0.001, "objectiveMetricName": "loss", "additionalMetricNames": ["accuracy"]
        },
        "algorithm": {"algorithmName": "tpe", "algorithmSettings": [{"name": "random_state", "value": "7"}]},
        "parallelTrialCount": 3, "maxTrialCount": 12, "maxFailedTrialCount": 3,
        "parameters": [
            {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": "0.05"}},
            {
                "name": "momentum", "parameterType": "double",
                "feasibleSpace": {"min": "1e-5", "max": "0.9", "distribution": "logUniform"},
            },
            {"name": "layers", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9", "step": "2"}},
            {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
            {"name": "batch", "parameterType": "discrete", "feasibleSpace": {"list": ["16", "32"]}},
        ],
        "trialTemplate": {
            "primaryContainerName": "training-container",
            "trialParameters": [
                {"name": "learningRate", "reference": "lr"}, {"name": "momentum", "reference": "momentum"}
            ],
            "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}},
        },
        **changes,
    }  # fmt: skip
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "tpe", "namespace": "kubeflow"},
        "spec": spec,
    }


def converted(**changes):
    found = from_katib(a_katib_experiment(**changes))
    return found.document["spec"], " ".join(found.notes), found


def test_katibs_first_example_becomes_a_valid_manifest():
    spec, notes, found = converted()
    assert found.problems == []
    assert spec["objectives"] == [{"metric": "loss", "direction": "Minimize", "target": 0.001}]
    assert spec["search"] == {"algorithm": "TPE", "seed": 7}
    assert spec["budget"] == {"trials": 12, "parallelTrials": 3, "failedTrials": 3}
    assert spec["parameters"] == [
        {"name": "lr", "type": "Double", "min": 0.01, "max": 0.05},
        {"name": "momentum", "type": "Double", "min": 1e-5, "max": 0.9, "scale": "Log"},
        {"name": "layers", "type": "Integer", "min": 1, "max": 9, "step": 2},
        {"name": "optimizer", "type": "Categorical", "values": ["sgd", "adam"]},
        {"name": "batch", "type": "Discrete", "numbers": [16, 32]},
    ]
    assert spec["trial"] == {
        "command": ["python3", "/opt/mnist.py", "--epochs=1", "--lr=$(lr)", "--momentum", "$(momentum)"],
        "image": "example.org/mnist:1",
        "resources": {"cpu": 0.5, "gpu": 1.0, "memory": "1Gi"},
    }
    template = spec["workers"]["template"]["spec"]
    assert template["nodeSelector"] == {"pool": "gpu"}
    assert template["containers"] == [{"name": "trial", "env": [{"name": "MODE", "value": "fast"}]}]
    assert "additionalMetricNames" in notes


def settings(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


@pytest.mark.parametrize(
    ("changes", "block", "expected", "said"),
    [
        pytest.param(
            {"algorithm": {"algorithmName": "bayesianoptimization"}},
            "search", {"algorithm": "GP"}, "a trial image with torch", id="GP",
        ),
        pytest.param(
            {"algorithm": {"algorithmName": "grid", "algorithmSettings": settings(magic="1")}},
            "search", {"algorithm": "Grid"}, "algorithmSettings magic has no equal", id="unknown setting",
        ),
        pytest.param(
            {"algorithm": {"algorithmName": "quantum"}},
            "search", {"algorithm": "Random"}, "quantum has no equal", id="unknown algorithm",
        ),
        pytest.param(
            {"earlyStopping": {
                "algorithmName": "medianstop", "algorithmSettings": settings(min_trials_required="5", start_step="2"),
            }},
            "scheduler", {"medianStopping": {"minTrials": 5, "gracePeriod": 2}}, "", id="median stopping",
        ),
        pytest.param(
            {"algorithm": {
                "algorithmName": "hyperband", "algorithmSettings": settings(eta="3", r_l="9", resource_name="layers"),
            }},
            "scheduler", {"hyperband": {"reductionFactor": 3}}, "the number of epochs is no parameter", id="hyperband",
        ),
        pytest.param(
            {"algorithm": {
                "algorithmName": "pbt", "algorithmSettings": settings(n_population="20", truncation_threshold="0.2"),
            }},
            "budget", {"trials": 20, "parallelTrials": 3, "failedTrials": 3}, "budget.iterationsPerTrial", id="PBT",
        ),
        pytest.param(
            {"maxTrialCount": None}, "budget", {"trials": 1000, "parallelTrials": 3, "failedTrials": 3},
            "1000 trials end it here", id="no end",
        ),
    ],
)  # fmt: skip
def test_what_has_an_equal_is_carried_over_and_the_rest_is_said(changes, block, expected, said):
    spec, notes, _ = converted(**changes)
    assert spec[block] == expected
    assert said in notes


def test_metrics_of_a_file_are_read_from_a_file_and_other_collectors_are_said():
    source = {"fileSystemPath": {"path": "/var/log/metrics.log", "kind": "File"}}
    spec, _, found = converted(metricsCollectorSpec={"collector": {"kind": "File"}, "source": source})
    assert (spec["trial"]["metricsFrom"], spec["trial"]["metricsFile"]) == ("File", "var/log/metrics.log")
    assert found.problems == []
    assert (
        "TensorFlowEvent has no equal" in converted(metricsCollectorSpec={"collector": {"kind": "TensorFlowEvent"}})[1]
    )


def test_a_search_for_architectures_is_refused():
    with pytest.raises(Refusal, match="architecture"):
        converted(nasConfig={"graphConfig": {}})


def test_the_command_prints_a_manifest_that_can_be_applied_with_its_remarks(tmp_path):
    file = tmp_path / "katib.yaml"
    file.write_text(json.dumps(a_katib_experiment()))
    text = call("convert", file)
    assert "# No equal: objective.additionalMetricNames" in text
    out = "\n".join(line for line in text.splitlines() if not line.startswith("No equal"))
    assert parse(YAML(typ="safe", pure=True).load(out)).metadata.name == "tpe"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"kind": "Experiment", "apiVersion": "other/v1"}', "no Katib Experiment"),
        (json.dumps(a_katib_experiment(parameters=[{"name": "x", "parameterType": "double", "feasibleSpace": 3}])),
         "not as Katib's API says"),
        (json.dumps(a_katib_experiment(parameters=[])), "has no spec.parameters"),
        ("a: [", "can't be read"),
    ],
)  # fmt: skip
def test_what_is_no_experiment_is_said(tmp_path, content, said):
    file = tmp_path / "katib.yaml"
    file.write_text(content)
    assert said in call("convert", file, code=2)


def test_what_must_be_mended_is_said_and_fails(tmp_path):
    file = tmp_path / "katib.yaml"
    bad = [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "1", "max": "0"}}]
    file.write_text(json.dumps(a_katib_experiment(parameters=bad)))
    assert "To be mended: spec.parameters" in call("convert", file, code=1)


# ---------------------------------------------------------------------- Python


def test_optunas_distributions_become_parameters():
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    space = {
        "lr": FloatDistribution(1e-5, 1.0, log=True),
        "drop": FloatDistribution(0.0, 0.5, step=0.1),
        "layers": IntDistribution(1, 4),
        "units": IntDistribution(16, 128, step=16),
        "act": CategoricalDistribution(["relu", "tanh"]),
        "norm": CategoricalDistribution([True, False]),
        "batch": CategoricalDistribution([64, 16]),
    }
    assert parameters_of(space) == (
        [
            {"name": "lr", "type": "Double", "min": 1e-5, "max": 1.0, "scale": "Log"},
            {"name": "drop", "type": "Double", "min": 0.0, "max": 0.5, "step": 0.1},
            {"name": "layers", "type": "Integer", "min": 1, "max": 4},
            {"name": "units", "type": "Integer", "min": 16, "max": 128, "step": 16},
            {"name": "act", "type": "Categorical", "values": ["relu", "tanh"]},
            {"name": "norm", "type": "Boolean"},
            {"name": "batch", "type": "Discrete", "numbers": [16, 64]},
        ],
        [],
    )


def test_a_function_that_asks_an_optuna_trial_is_asked_once():
    def objective(trial):
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
            trial.suggest_int("steps", 2, 10, step=2)
        return undefined_training(lr)  # noqa: F821

    parameters, notes = parameters_of(objective)
    assert [each["name"] for each in parameters] == ["lr", "optimizer", "steps"]
    assert parameters[2] == {"name": "steps", "type": "Integer", "min": 2, "max": 10, "step": 2}
    assert any("NameError" in note for note in notes)
    assert any("`when`" in note for note in notes)


@pytest.mark.parametrize("space", [3, lambda trial: None, lambda trial: trial.magic()])
def test_what_is_no_space_is_refused(space):
    with pytest.raises(NoSpace):
        parameters_of(space)


def test_a_space_is_imported_from_the_present_folder_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_space.py").write_text(
        "from optuna.distributions import FloatDistribution\nspace = {'lr': FloatDistribution(0.1, 1.0)}\n"
    )
    text = call("convert", "my_space:space", "--metric", "accuracy", "--direction", "maximize")
    found = parse(YAML(typ="safe", pure=True).load(text))
    assert found.spec.parameters[0].name == "lr"
    assert "has no 'other'" in call("convert", "my_space:other", code=2)
    assert "can't be imported" in call("convert", "nowhere_at_all:space", code=2)
    assert "There is no file" in call("convert", "nowhere", code=2)
