"""Reading a manifest from a file or from the API server into one parsed `Experiment`.

YAML 1.2, so that `1e-5` is a number and `on` is a word. What is wrong is said as
`field: value: rule`, all of it at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from luthier.api.experiment import Spec
from luthier.api.keys import API_VERSION, KIND
from luthier.api.rules import ApiModel


class ManifestError(ValueError):
    """A manifest that cannot be used; `problems` holds one sentence a fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Metadata(ApiModel):
    """The part of an object's metadata that Luthier reads."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=40, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the experiment: at most 40 lower-case letters, digits and dashes."""
    namespace: str = "default"
    uid: str = ""
    generation: int = 1


class Experiment(ApiModel):
    """One parsed `TuningExperiment` without its status."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["luthier.dev/v1alpha1"] = API_VERSION
    kind: Literal["TuningExperiment"] = KIND
    metadata: Metadata
    spec: Spec


def parse(document: Any) -> Experiment:
    """Return the experiment that a decoded JSON or YAML document holds.

    Raises:
        ManifestError: names each field, its value and the rule it breaks.
    """
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        raise ManifestError([_sentence(fault) for fault in error.errors()]) from error


def load(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file as plain dictionaries.

    Raises:
        ManifestError: the file cannot be read or is no YAML.
    """
    try:
        return [document for document in YAML(typ="safe", pure=True).load_all(path.read_text()) if document]
    except OSError as error:
        raise ManifestError([f"{path}: {error.strerror}"]) from error
    except YAMLError as error:
        raise ManifestError([f"{path}: not YAML: {error}"]) from error


def _sentence(fault: Any) -> str:
    field = ".".join(str(part) for part in fault["loc"]) or "manifest"
    value = "" if isinstance(fault["input"], dict | list) or fault["input"] is None else f" {fault['input']!r}:"
    return f"{field}:{value} {fault['msg']}"
