"""Every example is a valid manifest with its code beside it, and the code learns; none of this starts Ray."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from luthier.api.manifest import Experiment, load, parse

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


def experiment(name: str) -> Experiment:
    (document,) = load(EXAMPLES / name / "experiment.yaml")
    return parse(document)


def code(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name.replace('-', '_')}", EXAMPLES / name / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def member(config: dict):
    """A PBT member without Ray's own machinery around it."""
    trainable = code("digits-pbt").Member
    made = trainable.__new__(trainable)
    made.setup(config)
    return made


def test_the_examples_are_those_that_the_guide_names():
    assert NAMES == ["command", "conditional", "digits-asha", "digits-pbt", "quadratic", "torch-digits"]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_valid_experiment_of_its_folders_name(name):
    assert experiment(name).metadata.name == name


@pytest.mark.parametrize("name", NAMES)
def test_one_command_applies_manifest_and_code(name):
    (kustomization,) = load(EXAMPLES / name / "kustomization.yaml")
    (generator,) = kustomization["configMapGenerator"]
    assert kustomization["resources"] == ["experiment.yaml"]
    assert kustomization["generatorOptions"] == {"disableNameSuffixHash": True}
    assert generator == {"name": experiment(name).spec.trial.source.config_map, "files": ["train.py"]}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_to_expect(name):
    text = (EXAMPLES / name / "README.md").read_text()
    assert f"luthier run examples/{name}/experiment.yaml" in text
    assert f"kubectl apply -k examples/{name}" in text
    assert "Expect" in text


@pytest.mark.parametrize(
    "name", sorted({*NAMES} - {"command", "torch-digits"})
)  # torch's runs in its image, end to end
def test_the_function_that_a_manifest_names_is_there(name):
    module, attribute = experiment(name).spec.trial.function.split(":")
    assert module == "train"
    assert callable(getattr(code(name), attribute))


def test_the_quadratic_is_best_at_its_bottom():
    loss_at = code("quadratic").loss_at
    assert loss_at(2, -1, 5) < loss_at(2.1, -1, 5)
    assert loss_at(2, -1, 5) < loss_at(2, -1, 4)


def test_the_asha_network_learns_and_goes_on_from_a_checkpoint_as_if_nothing_had_happened(tmp_path):
    network_of = code("digits-asha").Network
    straight, first = network_of(32), network_of(32)
    for epoch in (1, 2, 3, 4):
        straight.epoch(epoch, 0.1, 0.9)
    for epoch in (1, 2):
        first.epoch(epoch, 0.1, 0.9)
    first.save(tmp_path / "network.npz", 2)
    second = network_of(32)
    assert second.load(tmp_path / "network.npz") == 2
    for epoch in (3, 4):
        second.epoch(epoch, 0.1, 0.9)
    assert second.measure() == straight.measure()
    assert straight.measure()["accuracy"] > 0.9


def test_a_pbt_member_goes_on_from_anothers_weights_with_its_own_settings(tmp_path):
    winner = member({"lr": 0.03, "momentum": 0.9, "shift": 0.1})
    for _ in range(3):
        winner.step()
    winner.save_checkpoint(tmp_path)
    loser = member({"lr": 0.001, "momentum": 0.0, "shift": 1.0})
    loser.step()
    assert loser.reset_config({"lr": 0.02, "momentum": 0.8, "shift": 0.2})
    loser.load_checkpoint(tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(winner.weights, loser.weights, strict=True))
    assert (loser.epochs, loser.lr) == (3, 0.02)


def test_a_process_that_is_used_again_begins_with_fresh_weights():
    settings = {"lr": 0.03, "momentum": 0.9, "shift": 0.1}
    used, fresh = member(settings), member(settings)
    used.step()
    used.reset_config(settings)
    assert all(np.array_equal(a, b) for a, b in zip(used.weights, fresh.weights, strict=True))
    assert used.step() == fresh.step()


def test_for_pbt_a_schedule_is_better_than_either_of_its_halves():
    early, late = {"lr": 0.05, "momentum": 0.9, "shift": 0.3}, {"lr": 0.005, "momentum": 0.9, "shift": 0.05}

    def loss(first: dict, second: dict) -> float:
        one = member(first)
        metrics = [one.step() for _ in range(12)]
        one.lr, one.momentum, one.shift = second["lr"], second["momentum"], second["shift"]
        metrics = [one.step() for _ in range(12)]
        return metrics[-1]["loss"]

    assert loss(early, late) < min(loss(early, early), loss(late, late))


def test_the_program_takes_its_parameters_by_argument_environment_and_file(tmp_path):
    (tmp_path / "parameters.json").write_text(json.dumps({"lr": 0.5, "decay": 0.9, "warmup": 2}))
    settings = {"LUTHIER_PARAM_decay": "0.9", "LUTHIER_PARAMETERS_FILE": str(tmp_path / "parameters.json")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "command" / "train.py"), "--lr=0.5"],
        env=os.environ | settings, capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, *lines, last = done.stdout.splitlines()
    assert len(lines) == 9
    assert all(line.startswith("loss=") for line in lines)
    assert json.loads(last)["loss"] < float(lines[0].removeprefix("loss="))


def test_momentum_is_asked_for_only_with_sgd():
    accuracies = code("conditional").accuracies
    *_, adam = accuracies({"lr": 0.03, "optimizer": "adam"})
    *_, sgd = accuracies({"lr": 0.1, "optimizer": "sgd", "momentum": 0.9})
    assert min(adam, sgd) > 0.9
