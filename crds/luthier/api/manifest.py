"""Reading a manifest from a file or from the API server into one parsed `Experiment`.

YAML 1.2, so that `1e-5` is a number; a plain `on` or `y`, which kubectl takes for a truth
value, must be quoted, so that one file has one meaning. What is wrong is said as
`field: value: rule`, all of it at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

from luthier.api.experiment import Spec
from luthier.api.faults import sentence
from luthier.api.rules import ApiModel, Rule
from luthier.api.schema import Schema, structural

NAME_CHARACTERS = 40
"""Children carry the experiment's name and more in 63 characters."""
NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"


TRUTH_TO_KUBECTL = ("y", "n", "yes", "no", "on", "off")


class ManifestError(ValueError):
    """A manifest that cannot be used; `problems` holds one sentence a fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Metadata(ApiModel):
    """The part of an object's metadata that Luthier reads."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 1


class Experiment(ApiModel):
    """One parsed `TuningExperiment`; its status is for others to read."""

    api_version: Literal["luthier.dev/v1alpha1"] = "luthier.dev/v1alpha1"
    kind: Literal["TuningExperiment"] = "TuningExperiment"
    metadata: Metadata
    spec: Spec
    status: Annotated[Any, Field(exclude=True)] = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "metadata.name",
            f"must be at most {NAME_CHARACTERS} lower-case letters, digits and dashes, "
            "with a letter first and no dash last",
            f"self.metadata.name.size() <= {NAME_CHARACTERS} && self.metadata.name.matches('{NAME_PATTERN}')",
            lambda e: (
                len(e.metadata.name) <= NAME_CHARACTERS and re.fullmatch(NAME_PATTERN, e.metadata.name) is not None
            ),
        ),
    )


def parse(document: Any) -> Experiment:
    """Return the experiment that a decoded JSON or YAML document holds.

    As strict as the API server: a number in quotes is no number, a name in snake_case no field.

    Raises:
        ManifestError: names each field, its value and the rule it breaks.
    """
    try:
        return Experiment.model_validate_json(_as_json(document), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        problems = [sentence(fault, document, _schema()) for fault in error.errors()]
        raise ManifestError(problems) from error


def load(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file as plain dictionaries.

    Raises:
        ManifestError: the file cannot be read, is no YAML, means something else to kubectl, or holds no object.
    """
    try:
        documents = [document for document in _yaml().load_all(path.read_text(encoding="utf-8")) if document]
    except OSError as error:
        raise ManifestError([f"{path}: {error.strerror}"]) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ManifestError([f"{path}: not YAML: {error}"]) from error
    if not all(isinstance(document, dict) for document in documents):
        raise ManifestError([f"{path}: every document must be an object"])
    return documents


class _Constructor(SafeConstructor):
    """YAML 1.2 without dates, and without the words in which kubectl's YAML 1.1 sees truth values."""

    def construct_word(self, node: ScalarNode) -> str:
        if node.style is None and node.value.lower() in TRUTH_TO_KUBECTL:
            line = node.start_mark.line + 1
            raise ManifestError([f"line {line}: {node.value}: is true or false to kubectl; put it in quotes"])
        return str(self.construct_yaml_str(node))


_Constructor.add_constructor("tag:yaml.org,2002:str", _Constructor.construct_word)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return yaml


def _as_json(document: Any) -> str:
    try:
        return json.dumps(_without_nulls(document), default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise ManifestError([f"manifest: cannot be written as JSON: {error}"]) from error


def _without_nulls(document: Any) -> Any:
    """Leave out what is null, as the API server does; a pod template is the user's, whatever it holds."""
    if isinstance(document, Mapping):
        return {
            key: value if key == "template" else _without_nulls(value)
            for key, value in document.items()
            if value is not None
        }
    if isinstance(document, list):
        return [_without_nulls(item) for item in document]
    return document


@cache
def _schema() -> Schema:
    return {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "status": {}, "spec": structural(Spec)}}
