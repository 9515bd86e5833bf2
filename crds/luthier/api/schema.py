"""From a pydantic model to the structural schema that a CRD carries.

The API server takes only a part of JSON Schema: no references, no unions, no titles.
What this translation does not know it refuses, so that nothing is lost unnoticed.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

COPIED = (
    "type",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
TRANSLATED = ("description", "default", "properties", "required", "items", "additionalProperties")
LEFT_OUT = ("title", "propertyNames")
"""Titles repeat the key; for the names in a map the API server has no word, the models still check them."""
EXTENSION = "x-kubernetes-"
DEEPEST = 24


class SchemaError(TypeError):
    """A model uses a construct that a structural schema cannot say."""


def structural(model: type[BaseModel], *, defaults: bool = True) -> Schema:
    """Return a model's structural schema; `defaults` tells whether the API server is to fill them in.

    Raises:
        SchemaError: names the place and the construct that has no translation.
    """
    document = model.model_json_schema(by_alias=True)
    definitions = document.pop("$defs", {})
    return _node(document, definitions, model.__name__, defaults)


def _node(raw: Schema, definitions: dict[str, Schema], place: str, defaults: bool) -> Schema:
    if place.count(".") > DEEPEST:
        raise SchemaError(f"{place}: deeper than {DEEPEST} levels; a structural schema cannot be recursive")
    schema = _inlined(raw, definitions, place)
    _refuse_unknown(schema, place)
    node: Schema = {}
    if "description" in schema:
        node["description"] = " ".join(schema["description"].split())
    node.update({key: schema[key] for key in COPIED if key in schema})
    if node["type"] == "integer":
        node["format"] = "int64"
    if "properties" in schema:
        node["properties"] = {
            name: _node(child, definitions, f"{place}.{name}", defaults) for name, child in schema["properties"].items()
        }
    if schema.get("required"):
        node["required"] = schema["required"]
    if isinstance(schema.get("additionalProperties"), dict):
        node["additionalProperties"] = _node(schema["additionalProperties"], definitions, f"{place}.*", defaults)
    if "items" in schema:
        node["items"] = _node(schema["items"], definitions, f"{place}.[]", defaults)
    node.update({key: value for key, value in schema.items() if key.startswith(EXTENSION)})
    if defaults and schema.get("default") not in (None, []):
        node["default"] = _default(schema["default"], node, place)
    return node


def _inlined(schema: Schema, definitions: dict[str, Schema], place: str) -> Schema:
    """Return a node with its reference or its `X or null` put in its place; what stands beside wins."""
    beside = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
    elif "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
        if len(choices) != 1:
            raise SchemaError(f"{place}: a union of {len(choices)} types")
        target = choices[0]
    else:
        return schema
    return _inlined({**target, **beside}, definitions, place)


def _refuse_unknown(schema: Schema, place: str) -> None:
    known = {*COPIED, *TRANSLATED, *LEFT_OUT}
    unknown = [key for key in schema if key not in known and not key.startswith(EXTENSION)]
    if unknown:
        raise SchemaError(f"{place}: no translation for {', '.join(unknown)}")
    kind = schema.get("type")
    if kind not in ("object", "array", "string", "integer", "number", "boolean"):
        raise SchemaError(f"{place}: no translation for type {kind}")
    if any(float(schema.get(bound, 0)) % 1 for bound in ("minimum", "maximum")):
        # It judges a whole number in integers: with a minimum of 0.1 it takes 0.
        raise SchemaError(f"{place}: a bound that is no whole number, which the API server cuts to one; make it a rule")
    if kind == "array" and "x-kubernetes-list-type" not in schema:
        raise SchemaError(f"{place}: a list without x-kubernetes-list-type")
    if schema.get("additionalProperties") is True and not schema.get("x-kubernetes-preserve-unknown-fields"):
        raise SchemaError(f"{place}: a map of anything without x-kubernetes-preserve-unknown-fields")


def _default(value: Any, node: Schema, place: str) -> Any:
    """Return the default to write; an object's says its fields' own, as the API server judges it unfilled."""
    if node["type"] != "object":
        return value
    own = {name: child["default"] for name, child in node["properties"].items() if "default" in child}
    if own != _said(value):
        raise SchemaError(f"{place}: a default of {value} differs from its fields' own {own}")
    return own


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(child) for key, child in value.items() if child not in (None, [])}
    return value
