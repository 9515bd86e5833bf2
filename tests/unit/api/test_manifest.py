"""Files as people write them, and the sentences they get back."""

from __future__ import annotations

from pathlib import Path

import pytest

from luthier.api.experiment import Spec
from luthier.api.manifest import ManifestError, load, parse
from luthier.api.parameters import Parameter
from support.bad_manifests import a_manifest, changed

EXAMPLES = sorted(Path(__file__).resolve().parents[3].glob("examples/*/experiment.yaml"))


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "experiment.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("true", True),
        ("'on'", "on"),
        ('"y"', "y"),
        ("yesterday", "yesterday"),
        ("2026-01-01", "2026-01-01"),
        ("12:30:00", "12:30:00"),
    ],
)
def test_yaml_1_2_scalars(tmp_path: Path, text: str, value: object) -> None:
    (document,) = load(written(tmp_path, f"value: {text}"))
    assert document["value"] == value
    assert type(document["value"]) is type(value)


@pytest.mark.parametrize("word", ["y", "n", "yes", "No", "on", "OFF"])
def test_a_word_that_kubectl_takes_for_a_truth_value_needs_quotes(tmp_path: Path, word: str) -> None:
    with pytest.raises(ManifestError, match=f"line 2: {word}: is true or false to kubectl; put it in quotes"):
        load(written(tmp_path, f"a: 1\nb: {word}\n"))


def test_a_file_may_hold_several_documents_and_empty_ones(tmp_path: Path) -> None:
    assert load(written(tmp_path, "---\na: 1\n---\n---\nb: 2\n")) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "not YAML"), ("a: 1\na: 2", "not YAML"), ("- 1", "every document must be an object")],
)
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=f"experiment.yaml: .*{said}"):
        load(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere.yaml: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match=r"weights.bin: not YAML"):
        load(file)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_is_good(path: Path) -> None:
    experiments = [parse(document) for document in load(path) if document["kind"] == "TuningExperiment"]
    assert len(experiments) == 1


@pytest.mark.parametrize("document", [None, 1, "text", [], {}, {"spec": []}, {"spec": {"parameters": [[]]}}], ids=repr)
def test_what_is_no_manifest_at_all_is_refused(document: object) -> None:
    with pytest.raises(ManifestError, match="must be"):
        parse(document)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ManifestError, match="cannot be written as JSON"):
        parse(changed(a_manifest(), {"spec.budget": {1j: 1}}))


def test_null_is_the_same_as_absent() -> None:
    assert parse(changed(a_manifest(), {"spec.scheduler": None, "spec.search.seed": None})) == parse(a_manifest())


def test_null_in_a_pod_template_is_the_users() -> None:
    template = {"spec": {"nodeSelector": None}}
    assert parse(changed(a_manifest(), {"spec.workers.template": template})).spec.workers.template == template


def test_a_spec_survives_its_own_json() -> None:
    spec = parse(a_manifest()).spec
    assert Spec.model_validate(spec.to_json()) == spec
    assert parse({**a_manifest(), "spec": spec.to_json()}).spec == spec


def test_what_the_api_server_adds_is_read() -> None:
    stored = changed(a_manifest(), {"metadata.uid": "u", "metadata.generation": 3, "status": {"state": "Running"}})
    experiment = parse(stored)
    assert (experiment.metadata.uid, experiment.metadata.generation) == ("u", 3)
    assert "status" not in experiment.to_json()


@pytest.mark.parametrize(
    ("parameter", "admitted", "refused"),
    [
        ({"type": "Double", "min": 0, "max": 1}, [0, 0.5, 1], [-0.1, 1.1, True, "0.5", None]),
        ({"type": "Double", "min": 0, "max": 1, "step": 0.1}, [0.1 + 0.2, 1], [0.25]),
        ({"type": "Integer", "min": 1, "max": 9, "step": 4}, [1, 5.0, 9], [2, 5.5]),
        ({"type": "Discrete", "numbers": [16, 0.5]}, [16, 16.0, 0.5], [1, "16"]),
        ({"type": "Categorical", "values": ["a", "1"]}, ["a", "1"], ["b", 1, ["a"]]),
        ({"type": "Boolean"}, [True, False], ["true", 1]),
    ],
    ids=lambda value: value["type"] + " with step" * ("step" in value) if isinstance(value, dict) else "",
)
def test_a_parameter_admits_what_a_trial_may_hold(
    parameter: dict[str, object], admitted: list[object], refused: list[object]
) -> None:
    judge = Parameter.model_validate({"name": "x", **parameter})
    assert [value for value in admitted if not judge.admits(value)] == []
    assert [value for value in refused if judge.admits(value)] == []
