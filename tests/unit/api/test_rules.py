"""Every rule of the manifest is broken by at least one row of the table of bad manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from luthier.api.experiment import Spec
from luthier.api.manifest import Experiment
from luthier.api.rules import ApiModel, Rule
from support.bad_manifests import BAD_MANIFESTS, LATER_REFUSED

FAULTS = [*BAD_MANIFESTS, *LATER_REFUSED]


def models(schema: Any) -> Iterator[type[ApiModel]]:
    """Every model below ours, the spec's own included."""
    for model in schema.__subclasses__():
        yield model
        yield from models(model)


RULES = {
    rule.said: rule for model in models(ApiModel) if model.__module__.startswith("luthier.api") for rule in model.rules
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_row_of_the_table_breaks_it(rule: Rule) -> None:
    blamed = [bad for bad in FAULTS if bad.field.endswith(rule.field) and bad.rule in rule.message]
    assert blamed, f"no bad manifest breaks {rule.said}"


def test_the_spec_and_the_name_are_among_them() -> None:
    assert set(Spec.rules) | set(Experiment.rules) <= set(RULES.values())
