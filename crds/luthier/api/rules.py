"""Rules that join several fields, each written once for two judges.

`cel` is what the API server evaluates at admission, `holds` what the laptop and the
operator evaluate on the parsed model; both say the same `message`. A parity test feeds
the same bad manifests to both. A rule that CEL cannot say has `EVERYWHERE_BUT_ADMISSION`
for its `cel`; the operator turns it into a condition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError

EVERYWHERE_BUT_ADMISSION = "true"
"""`cel` of a rule that CEL cannot say, or that the API server holds in another way."""

Place = tuple[int | str, ...]
"""Path to a value in a model, in JSON names."""


@dataclass(frozen=True)
class Rule:
    """One rule over a model's fields.

    `field` is the JSON name (a path with dots) of the field to blame, relative to the model.
    """

    field: str
    message: str
    cel: str
    holds: Callable[[Any], bool]
    place: Callable[[Any], Place] | None = None
    """Where in a model that breaks the rule the fault is, if `field` is a whole list."""

    @property
    def said(self) -> str:
        """The sentence both judges print."""
        return f"`{self.field}` {self.message}" if self.field else self.message

    def blamed(self, model: Any) -> Place:
        """Return the place of the fault in a model that breaks this rule."""
        if self.place:
            return self.place(model)
        return tuple(self.field.split(".")) if self.field else ()

    def as_validation(self) -> dict[str, str]:
        """Return this rule as an entry of `x-kubernetes-validations`."""
        place = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.cel, "message": self.said, **place}


class ApiModel(BaseModel):
    """Base of everything in the manifest: camelCase outside, no unknown keys, rules checked after fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="null",
        use_enum_values=False,
        allow_inf_nan=False,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """Rules over this model's own fields."""

    @model_validator(mode="after")
    def _check_rules(self) -> ApiModel:
        broken = [rule for rule in self.rules if not rule.holds(self)]
        if broken:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [
                    InitErrorDetails(
                        type=PydanticCustomError("rule", "{said}", {"said": rule.said, "message": rule.message}),
                        loc=rule.blamed(self),
                        input=None,
                    )
                    for rule in broken
                ],
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Carry the rules in the schema, for the API server."""
        schema = handler(core)
        admitted = [rule.as_validation() for rule in cls.rules if rule.cel != EVERYWHERE_BUT_ADMISSION]
        if admitted:
            handler.resolve_ref_schema(schema)["x-kubernetes-validations"] = admitted
        return schema

    def to_json(self) -> dict[str, Any]:
        """Return this model as the JSON object that the API server stores: camelCase, absent where unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Item = TypeVar("Item")


def _distinct(items: list[Item]) -> list[Item]:
    repeated = [item for index, item in enumerate(items) if item in items[:index]]
    if repeated:
        raise PydanticCustomError("rule", "{message}", {"message": f"must not repeat {repeated[0]!r}"})
    return items


AtomicList = Annotated[list[Item], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})]
"""A list that server-side apply replaces as a whole."""
SetList = Annotated[list[Item], AfterValidator(_distinct), Field(json_schema_extra={"x-kubernetes-list-type": "set"})]
"""A list of different values; the API server and the models both refuse a repeated one."""


OPEN = {"x-kubernetes-preserve-unknown-fields": True}
"""Schema extras of a map that holds anything."""


def keyed_by(key: str) -> dict[str, Any]:
    """Return the schema extras of a list whose items server-side apply tells apart by one field."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
