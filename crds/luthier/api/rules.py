"""Rules that join several fields, each written once for two judges.

`cel` is what the API server evaluates at admission, `holds` what the laptop and the
operator evaluate on the parsed model; both say the same `message`. A parity test feeds
the same bad manifests to both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError


@dataclass(frozen=True)
class Rule:
    """One rule over a model's fields.

    `field` is the JSON name (a path with dots) of the field to blame, relative to the model.
    """

    field: str
    message: str
    cel: str
    holds: Callable[[Any], bool]

    @property
    def said(self) -> str:
        """The sentence both judges print."""
        return f"`{self.field}` {self.message}" if self.field else self.message

    def as_validation(self) -> dict[str, str]:
        """Return this rule as an entry of `x-kubernetes-validations`."""
        return {"rule": self.cel, "message": self.said}


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
                        type=PydanticCustomError("rule", "{said}", {"said": rule.said}),
                        loc=tuple(rule.field.split(".")) if rule.field else (),
                        input=None,
                    )
                    for rule in broken
                ],
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Return this model as the JSON object that the API server stores: camelCase, absent where unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
