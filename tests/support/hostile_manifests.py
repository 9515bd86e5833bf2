"""Experiments that nobody means well with: sound manifests in which parts were replaced, drawn from our own schema.

At any place that the schema knows stands what the schema allows there, its bounds above all, or anything else.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from luthier.api import keys
from luthier.api.experiment import Spec
from luthier.api.schema import structural
from luthier.api.status import Status
from support.operator_builders import a_manifest

Json = dict[str, Any]
Path = tuple[str | int, ...]

TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "a",
        "x" * 300,
        "é" * 41,
        "-",
        "../..",
        "\x00",
        "\U0001f600",
        "$(x)",
        "{{x}}",
        "</script>",
        "1e400",
        "NaN",
        "1Gi",
    ]
)
NUMBERS = st.integers(-3, 70) | st.sampled_from(
    [0.1, -0.0, 1.5, 2**31, 2**53 + 1, 2**63, -(2**63), 1e308, 5e-324, 1e400]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["containers", "volumes", "env", "ports", "volumeMounts", "name", "trial", "spec", "metadata"])
POD_LIKE = st.recursive(
    st.none() | NUMBERS | TEXTS | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=12,
)
"""Nearly a pod template, which the schema leaves open."""


def from_schema(node: Json) -> st.SearchStrategy[Any]:
    """Return what the schema allows at a place, its bounds above all."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return POD_LIKE
    match node["type"]:
        case "object":
            return _objects(node)
        case "array":
            return st.lists(from_schema(node["items"]), min_size=node.get("minItems", 0), max_size=4)
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            bounds = [node[bound] + by for bound in ("minimum", "maximum") if bound in node for by in (-1, 0, 1)]
            return st.sampled_from(bounds) | NUMBERS if bounds else NUMBERS
        case _:
            return TEXTS


def _objects(node: Json) -> st.SearchStrategy[Json]:
    if "properties" not in node:
        return st.dictionaries(TEXTS, from_schema(node.get("additionalProperties") or {"type": "string"}), max_size=3)
    fields = {name: from_schema(child) for name, child in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", [])}
    return st.fixed_dictionaries(required, optional=fields)


def places(node: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield every place of a schema; of a list, its first item."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from places(child, (*path, name))
    if "items" in node:
        yield from places(node["items"], (*path, 0))


def changed(document: Json, differences: list[tuple[Path, Any]]) -> Json:
    """Return a document with other values at some places; what lies on the way is made."""
    document = copy.deepcopy(document)
    for path, value in differences:
        at: Any = document
        for step, following in pairwise(path):
            empty: Any = [] if isinstance(following, int) else {}
            if isinstance(step, int):
                at[step:] = at[step:] or [empty]
                at[step] = at[step] if isinstance(at[step], type(empty)) else empty
            elif not isinstance(at.get(step), type(empty)):
                at[step] = empty
            at = at[step]
        last = path[-1]
        if isinstance(last, int):
            at[last:] = [value, *at[last + 1 :]]
        else:
            at[last] = value
    return document


def changes(schema: Json, others: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Path, Any]]]:
    """Return up to three places of a schema, each with what it allows there or with another value."""
    known = list(places(schema))[1:]
    return st.lists(
        st.one_of([st.tuples(st.just(path), from_schema(node) | others) for path, node in known]), max_size=3
    )


def changed_in(document: Json, differences: st.SearchStrategy[list[tuple[Path, Any]]]) -> st.SearchStrategy[Json]:
    return differences.map(lambda drawn: changed(document, drawn))


SCHEMA = structural(Spec)
PLACES = list(places(SCHEMA))[1:]
CHANGES = changes(SCHEMA, ANYTHING)
REPORTED = (
    "version",
    "attempt",
    "sequence",
    "phase",
    "outcome",
    "problem",
    "wantedWorkers",
    "idleWorkers",
    "missingMetric",
)
OPEN: Json = {"type": "string"}
SOUND = [
    a_manifest(),
    a_manifest(workers={"max": 0}, storage={"claimName": "shared"}, suspend=True),
    a_manifest(
        workers={
            "template": {"spec": {"containers": [{"name": keys.CONTAINER, "env": [{"name": "A", "value": "1"}]}]}}
        },
        driver={"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"volumes": [{"name": "d", "emptyDir": {}}]}}},
        trial={"function": "quad:train", "source": {"configMap": "code"}, "resources": {"gpu": 0.5, "memory": "1.5Gi"}},
    ),
    a_manifest(
        scheduler={"pbt": {}},
        ttlSecondsAfterFinished=0,
        budget={"trials": 8, "parallelTrials": 8, "iterationsPerTrial": 9},
    ),
]
WORDS = st.none() | st.dictionaries(TEXTS, TEXTS | NUMBERS.map(str), max_size=4)
STATUS = structural(Status, defaults=False)
HALVES = st.sampled_from(["\ud800", "x\udfff"])
"""Halves of characters, which JSON can escape and UTF-8 cannot say; only a driver can send them."""
SAID_BEFORE = {
    "attempt": 1,
    "restarts": 1,
    "state": "Running",
    "startTime": "2026-11-21T11:00:00Z",
    "trials": {"total": 8},
}
SAID_NOW = {"phase": "Running", "generation": 1, "sequence": 5, "trials": {"total": 8, "succeeded": 3}}
OF_STATUS = changes(STATUS, ANYTHING)
OF_REPORT = changes({"properties": {**STATUS["properties"], **dict.fromkeys(REPORTED, OPEN)}}, ANYTHING | HALVES)
STATUSES = st.none() | changed_in(SAID_BEFORE, OF_STATUS) | st.dictionaries(TEXTS, ANYTHING, max_size=3)
REPORTS = HALVES | ANYTHING | changed_in(SAID_NOW, OF_REPORT)


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """An experiment as the API server might hold it, were its own checks not there."""
    body = draw(st.sampled_from(SOUND))
    body = {**body, "metadata": dict(body["metadata"]), "spec": changed(body["spec"], draw(CHANGES))}
    body["metadata"] |= {"labels": draw(WORDS), "annotations": draw(WORDS), "resourceVersion": "7"}
    status = draw(STATUSES)
    return body if status is None else {**body, "status": status}
