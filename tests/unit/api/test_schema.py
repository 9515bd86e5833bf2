"""The translation from models to a structural schema: what it says, and that it refuses what it cannot say."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

from luthier.api.rules import EVERYWHERE_BUT_ADMISSION, ApiModel, AtomicList, Rule, SetList, keyed_by
from luthier.api.schema import SchemaError, structural


class Colour(StrEnum):
    """What it looks like."""

    RED = "Red"
    BLUE = "Blue"


class Wheel(ApiModel):
    """It turns."""

    spokes: Annotated[int, Field(ge=0, le=99)] = 32
    """How many."""
    colour: Colour = Colour.RED
    """Of the rim."""
    tyre: Annotated[str, Field(max_length=9)] | None = None
    """None is a
    rim alone."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("spokes", "must be even", "self.spokes % 2 == 0", lambda w: w.spokes % 2 == 0),
        Rule("tyre", "must be round", EVERYWHERE_BUT_ADMISSION, lambda _: True),
    )


class Bicycle(ApiModel):
    """It has wheels."""

    wheel: Wheel = Wheel()
    """The one that is driven."""
    bells: Annotated[SetList[Annotated[str, Field(max_length=9)]], Field(max_length=2)] = []
    """Their names."""


def test_an_optional_field_is_absent_and_not_null() -> None:
    assert structural(Wheel)["properties"]["tyre"] == {
        "description": "None is a rim alone.",
        "type": "string",
        "maxLength": 9,
    }


def test_references_are_inlined_with_the_fields_own_description() -> None:
    assert structural(Wheel)["properties"]["colour"] == {
        "description": "Of the rim.",
        "type": "string",
        "enum": ["Red", "Blue"],
        "default": "Red",
    }


def test_integers_say_their_format() -> None:
    assert structural(Wheel)["properties"]["spokes"]["format"] == "int64"


def test_rules_that_cel_can_say_become_validations() -> None:
    assert structural(Wheel)["x-kubernetes-validations"] == [
        {"rule": "self.spokes % 2 == 0", "message": "`spokes` must be even", "fieldPath": ".spokes"}
    ]


def test_a_nested_default_is_spelt_out_so_that_the_server_can_judge_it() -> None:
    assert structural(Bicycle)["properties"]["wheel"]["default"] == {"spokes": 32, "colour": "Red"}


def test_an_empty_list_is_no_default() -> None:
    assert "default" not in structural(Bicycle)["properties"]["bells"]


def test_a_status_gets_no_defaults() -> None:
    assert "default" not in str(structural(Bicycle, defaults=False))


def test_a_nested_default_that_is_not_the_fields_own_is_refused() -> None:
    class Tandem(ApiModel):
        wheel: Wheel = Wheel(spokes=40)

    with pytest.raises(SchemaError, match=r"Tandem.wheel: a default of .* differs"):
        structural(Tandem)


class Node(BaseModel):
    """A model that holds itself."""

    child: Node | None = None


@pytest.mark.parametrize(
    ("annotation", "construct"),
    [
        (int | str, "a union of 2 types"),
        (Literal["a"], "no translation for const"),
        (Annotated[int, Field(gt=0)], "no translation for exclusiveMinimum"),
        (Annotated[float, Field(ge=0.1)], "a bound that is no whole number"),
        (tuple[int, int], "no translation for prefixItems"),
        (list[int], "a list without x-kubernetes-list-type"),
        (dict[str, Any], "a map of anything without x-kubernetes-preserve-unknown-fields"),
        (Any, "no translation for type None"),
        (Node, "deeper than"),
    ],
    ids=str,
)
def test_what_it_does_not_know_it_refuses_by_name(annotation: Any, construct: str) -> None:
    model = type("Odd", (BaseModel,), {"__annotations__": {"field": annotation}, "__module__": __name__})
    with pytest.raises(SchemaError, match=rf"^Odd\.field.*{construct}"):
        structural(model)


def test_list_types_reach_the_schema() -> None:
    class Shelf(ApiModel):
        books: AtomicList[bool] = []
        wheels: Annotated[list[Wheel], Field(json_schema_extra=keyed_by("colour"))] = []

    properties = structural(Shelf)["properties"]
    assert properties["books"]["x-kubernetes-list-type"] == "atomic"
    assert properties["wheels"]["x-kubernetes-list-map-keys"] == ["colour"]
