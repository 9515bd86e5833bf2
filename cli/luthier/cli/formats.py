"""Values for other programs: YAML, JSON, or arguments for a command line."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ruamel.yaml import YAML

from luthier.api.parameters import as_choice


class Format(StrEnum):
    """How values are written."""

    YAML = "yaml"
    JSON = "json"
    ARGS = "args"


class DocumentFormat(StrEnum):
    """How a document is written."""

    YAML = "yaml"
    JSON = "json"


def as_yaml(value: Any) -> str:
    """Return a document in YAML that 1.1 and 1.2 readers take alike."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def as_json(value: Any) -> str:
    """Return a document in JSON."""
    return json.dumps(value, indent=2) + "\n"


def as_args(values: Mapping[str, Any]) -> str:
    """Return `--name=value` words, quoted for a shell."""
    return shlex.join(f"--{name}={as_choice(value)}" for name, value in values.items()) + "\n"
