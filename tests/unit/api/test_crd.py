"""The definition is generated, described, bounded and small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from luthier.api import crd, reference

Node = dict[str, Any]
MAX_JSON_BYTES = 256 * 1024

DEFINITION = crd.definition()
ROOT: Node = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], f"{path}.*")


NODES = [(path, node) for part in ("spec", "status") for path, node in nodes(ROOT["properties"][part], part)]
SPEC_FIELDS = [(path, node) for path, node in NODES if path.startswith("spec.") and not path.endswith("[]")]
UNBOUNDED_NUMBERS = {"status.best.metrics.*", "status.top[].metrics.*", "status.paretoFront[].metrics.*"}
"""A metric may be any number."""


def of_type(kind: str) -> list[tuple[str, Node]]:
    return [(path, node) for path, node in NODES if node["type"] == kind]


@pytest.mark.parametrize("file", [*crd.FILES, reference.FILE], ids=lambda file: file.name)
def test_the_generated_files_are_up_to_date(file: Any) -> None:
    text = reference.text() if file == reference.FILE else crd.text()
    assert file.read_text() == text, "run `python -m luthier.api.crd` and `python -m luthier.api.reference`"


def test_the_yaml_says_what_the_models_say() -> None:
    assert YAML(typ="safe").load(crd.text()) == DEFINITION


def test_the_definition_fits_into_the_annotation_of_a_plain_apply() -> None:
    assert len(json.dumps(DEFINITION)) < MAX_JSON_BYTES


def test_every_field_is_described() -> None:
    assert [path for path, node in NODES if not path.endswith(("[]", ".*")) and not node.get("description")] == []


def test_every_field_that_may_be_left_out_says_its_default() -> None:
    optional = [
        (f"{path}.{name}", child)
        for path, node in NODES
        if path.startswith("spec")
        for name, child in node.get("properties", {}).items()
        if name not in node.get("required", [])
    ]
    assert [path for path, node in optional if "Default:" not in node["description"]] == []


def test_every_field_of_the_spec_has_an_example() -> None:
    assert [path for path, node in SPEC_FIELDS if "Example:" not in node["description"]] == []


def test_a_written_default_is_the_schemas() -> None:
    told = [(path, node) for path, node in SPEC_FIELDS if "default" in node and node["type"] in ("integer", "string")]
    assert [path for path, node in told if f"Default: {node['default']}" not in node["description"]] == []


def test_every_string_has_a_longest() -> None:
    bounded = ("maxLength", "enum", "format")
    assert [path for path, node in of_type("string") if not any(key in node for key in bounded)] == []


def test_every_list_has_a_most_and_a_type() -> None:
    assert [path for path, node in of_type("array") if "maxItems" not in node] == []
    assert [path for path, node in of_type("array") if "x-kubernetes-list-type" not in node] == []


def test_every_number_has_bounds() -> None:
    numbers = [*of_type("number"), *of_type("integer")]
    unbounded = [path for path, node in numbers if not {"minimum", "maximum"} <= set(node)]
    assert set(unbounded) == UNBOUNDED_NUMBERS


def test_every_bound_fits_in_64_bits() -> None:
    bounds = [node[key] for _, node in NODES for key in ("minimum", "maximum") if key in node]
    assert max(abs(bound) for bound in bounds) < 2**63


def test_every_map_has_a_most_unless_it_is_a_template() -> None:
    open_maps = [(path, node) for path, node in of_type("object") if "properties" not in node]
    unbounded = [path for path, node in open_maps if "maxProperties" not in node]
    assert unbounded == ["spec.workers.template", "spec.driver.template"]


def test_enums_are_camel_case_words() -> None:
    values = [value for _, node in NODES for value in node.get("enum", [])]
    assert [value for value in values if not (value.isalnum() and value[0].isupper())] == []


def test_durations_are_seconds() -> None:
    assert [path for path, _ in SPEC_FIELDS if path.lower().endswith(("time", "timeout", "duration"))] == []


def test_every_frozen_field_has_a_rule_of_its_own() -> None:
    messages = [rule["message"] for rule in ROOT["x-kubernetes-validations"]]
    for field in crd.FROZEN_ONCE_STARTED:
        assert any(message.startswith(f"`spec.{field}` may not change") for message in messages)
