"""The API reference, made from the models: `python -m luthier.api.reference` writes `docs/api.md`.

It reads the same schema as the API server, so that a field, a bound or a rule is never
described in two places; a test fails when the page differs from what is made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from luthier.api import crd, keys
from luthier.api.catalogue import ALGORITHMS, SCHEDULERS, AlgorithmPage, SchedulerPage
from luthier.api.experiment import FROZEN_ONCE_STARTED, Spec
from luthier.api.joint_rules import SPEC_RULES
from luthier.api.rules import EVERYWHERE_BUT_ADMISSION
from luthier.api.schema import Schema, structural
from luthier.api.status import Status

FILE = crd.ROOT / "docs" / "api.md"

INTRODUCTION = f"""\
# API reference: `{keys.KIND}`

`apiVersion: {keys.API_VERSION}`, short name `{keys.SHORT_NAME}`, category `{keys.CATEGORY}`.
Generated from the models by `python -m luthier.api.reference`; not edited by hand.
`kubectl explain {keys.SHORT_NAME}.spec` shows the same in a terminal.

A file is YAML 1.2, and numbers are numbers: `1e-5`, without quotes. Words that kubectl takes for truth values
(`y`, `n`, `yes`, `no`, `on`, `off`) need quotes.
"""

FROZEN = """\
## What may change

Once the experiment has started, {frozen} may not change.
`budget`, `exports`, `suspend` and `ttlSecondsAfterFinished` may.
`metadata.name` has at most 40 lower-case letters, digits and dashes, with a letter first and no dash last.
"""


def text() -> str:
    """Return the page as Markdown."""
    return "\n".join(
        [
            INTRODUCTION,
            FROZEN.format(frozen=", ".join(f"`{field}`" for field in FROZEN_ONCE_STARTED)),
            *_section("spec", structural(Spec)),
            *_later(),
            *_algorithms(),
            *_schedulers(),
            *_section("status", structural(Status, defaults=False)),
        ]
    )


def main() -> None:
    """Write the page."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text())


def _section(path: str, node: Schema) -> Iterator[str]:
    """Yield an object's own table and rules, then its children's sections."""
    yield f"## `{path}`\n"
    yield f"{node.get('description', '')}\n"
    yield from _table(["Field", "Type", "Bounds", "Meaning"], _rows(node))
    rules = [rule["message"] for rule in node.get("x-kubernetes-validations", [])]
    if rules:
        yield "Rules:\n"
        yield from (f"- {rule}" for rule in rules)
        yield ""
    for name, child in node["properties"].items():
        inner = child.get("items", child)
        if "properties" in inner:
            yield from _section(f"{path}.{name}{'[]' if 'items' in child else ''}", inner)


def _later() -> Iterator[str]:
    """Yield the rules that the API server cannot say; the command line and the operator still hold them."""
    yield "## What the API server cannot judge\n"
    yield "The command line refuses it at once, the operator by the condition `Accepted`:\n"
    yield from (f"- {rule.said}" for rule in SPEC_RULES if rule.cel == EVERYWHERE_BUT_ADMISSION)
    yield ""


def _rows(node: Schema) -> Iterator[list[str]]:
    for name, child in node["properties"].items():
        required = " (required)" if name in node.get("required", []) else ""
        yield [f"`{name}`{required}", _type(child), _bounds(child), child["description"]]


def _type(node: Schema) -> str:
    if "enum" in node:
        return " or ".join(node["enum"])
    if "items" in node:
        keyed = node.get("x-kubernetes-list-map-keys")
        return f"list of {_type(node['items'])}" + (f", by `{keyed[0]}`" if keyed else "")
    if node.get("format") == "date-time":
        return "time"
    return str(node["type"])


def _bounds(node: Schema) -> str:
    own = [
        _range(node, "minimum", "maximum", ""),
        _range(node, "minLength", "maxLength", " characters"),
        _range(node, "minItems", "maxItems", " items"),
        _range(node, "minProperties", "maxProperties", " entries"),
        f"`{node['pattern']}`" if "pattern" in node else "",
        _bounds(node["items"]) and f"each {_bounds(node['items'])}" if "items" in node else "",
    ]
    return ", ".join(bound for bound in own if bound)


def _range(node: Schema, low: str, high: str, unit: str) -> str:
    if low in node and high in node:
        return f"{node[low]} to {node[high]}{unit}"
    if low in node:
        return f"at least {node[low]}{unit}"
    return f"at most {node[high]}{unit}" if high in node else ""


def _algorithms() -> Iterator[str]:
    yield "## Search algorithms\n"
    yield from _table(
        ["`search.algorithm`", "What it does", "Source", "Takes", "Settings", "Objectives"],
        ([f"`{page.algorithm}`", page.summary, page.source, *_honours(page)] for page in ALGORITHMS.values()),
    )


def _honours(page: AlgorithmPage) -> list[str]:
    refused = {
        "`when`": page.conditional,
        "Categorical and Boolean": page.unordered,
        "Double without `step`, `scale: Log`": page.continuous,
    }
    takes = "all but " + ", ".join(name for name, taken in refused.items() if not taken)
    settings = {"`startupTrials`": page.startup_trials, "`populationSize`": page.population_size}
    return [
        ("everything" if all(refused.values()) else takes)
        + ("; needs an image with torch" if page.needs_torch else ""),
        ", ".join(name for name, honoured in settings.items() if honoured) or "none",
        f"up to {page.max_objectives}" if page.max_objectives > 1 else "1",
    ]


def _schedulers() -> Iterator[str]:
    yield "## Schedulers\n"
    yield from _table(
        ["Block of `scheduler`", "What it does", "Source", "Needs", "Objectives"],
        (
            [f"`{page.kind}`", page.summary, page.source, _needs(page), f"up to {page.max_objectives}"]
            for page in SCHEDULERS.values()
        ),
    )


def _needs(page: SchedulerPage) -> str:
    needs = {
        "`budget.iterationsPerTrial`": page.needs_iterations,
        "a `trial.function` that saves checkpoints": page.needs_checkpoints,
        f"`budget.parallelTrials` of at least {page.min_parallel}": page.min_parallel > 1,
        "Double and Integer parameters only, without `when`": page.only_ranged,
    }
    return "; ".join(name for name, needed in needs.items() if needed) or "nothing"


def _table(head: list[str], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    main()
