"""What is wrong with a manifest, said in the user's own words: `field: value: rule`.

The checks are pydantic's; here its error types become sentences with the JSON names
that stand in the manifest.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Fault = Mapping[str, Any]
"""One entry of `ValidationError.errors()`."""
Location = Sequence[int | str]

SHOWN_CHARACTERS = 80
"""A longer value is cut where it is quoted."""

SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "must be set",
    "rule": lambda context: str(context["message"]),
    "enum": lambda context: f"must be {_alternatives(context['expected'])}",
    "literal_error": lambda context: f"must be {_alternatives(context['expected'])}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "string_pattern_mismatch": lambda context: f"must match `{context['pattern']}`",
    "string_too_short": lambda context: f"must have at least {_count(context['min_length'], 'character')}",
    "string_too_long": lambda context: f"must have at most {_count(context['max_length'], 'character')}",
    "too_short": lambda context: f"must have at least {_count(context['min_length'], 'item')}",
    "too_long": lambda context: f"must have at most {_count(context['max_length'], 'item')}",
    "finite_number": lambda _: "must be a finite number",
    "float_type": lambda _: "must be a number",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be a string; put it in quotes",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
}


def sentence(fault: Fault, document: Any, schema: Mapping[str, Any]) -> str:
    """Return one fault as `field: value: rule`.

    `schema` is the structural schema of the document: it knows the fields that a misspelt one may have meant.
    """
    location = fault["loc"]
    return ": ".join([_path(location), *_quoted(location, document), _rule(fault, schema)])


def _rule(fault: Fault, schema: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return _unknown(fault["loc"], schema)
    if fault["type"] in SENTENCES:
        return SENTENCES[fault["type"]](fault.get("ctx", {}))
    return str(fault["msg"])


def _path(location: Location) -> str:
    spelt = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return spelt.removeprefix(".") or "manifest"


def _quoted(location: Location, document: Any) -> list[str]:
    """Return the value that the document has there, if it is one that reads well in a sentence."""
    try:
        for part in location:
            document = document[part]
    except (KeyError, IndexError, TypeError):
        return []
    if isinstance(document, dict | list) or document is None:
        return []
    text = str(document).lower() if isinstance(document, bool) else repr(document)
    return [text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."]


def _unknown(location: Location, schema: Mapping[str, Any]) -> str:
    *parents, name = location
    for part in parents:
        schema = schema["items"] if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    known = list(schema.get("properties", {}))
    folded = {field.lower(): field for field in known}
    spelling = str(name).replace("_", "").replace("-", "").lower()
    close = difflib.get_close_matches(spelling, folded, n=1)
    if close:
        return f"unknown field; did you mean `{folded[close[0]]}`?"
    return f"unknown field; known are {', '.join(sorted(known))}"


def _alternatives(expected: str) -> str:
    """Return pydantic's quoted list (`'a', 'b' or 'c'`) without the quotes."""
    return expected.replace("'", "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
