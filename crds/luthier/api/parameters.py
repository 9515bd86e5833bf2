"""The search space: named parameters, one flat type with an enum instead of a union.

A structural schema has no discriminated unions; the rules say which fields go with which type.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from luthier.api.rules import ApiModel, AtomicList, Rule, SetList

Scalar = bool | int | float | str
"""The value of a parameter in a trial."""


class ParameterType(StrEnum):
    """What kind of values a parameter takes."""

    DOUBLE = "Double"
    INTEGER = "Integer"
    CATEGORICAL = "Categorical"
    DISCRETE = "Discrete"
    BOOLEAN = "Boolean"


class Scale(StrEnum):
    """How values are spread between `min` and `max`."""

    LINEAR = "Linear"
    LOG = "Log"


Bound = Annotated[float, Field(ge=-1e18, le=1e18)]
"""The API server compares a whole number with a bound as 64-bit integers, so a bound must fit in one."""
Choice = Annotated[str, Field(max_length=128)]
RANGED = (ParameterType.DOUBLE, ParameterType.INTEGER)
STEP_TOLERANCE = 1e-6
"""Part of a step by which a value may miss the grid: `0.1 + 0.2` is on a grid of 0.1."""
CHOOSABLE = (ParameterType.CATEGORICAL, ParameterType.BOOLEAN)


class Condition(ApiModel):
    """When a parameter takes part in a trial."""

    parameter: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of an earlier Categorical or Boolean parameter. Example: `optimizer`."""
    in_: Annotated[SetList[Choice], Field(alias="in", min_length=1, max_length=32)]
    """Values of that parameter for which this one takes part; booleans as `"true"` or `"false"`.
    Example: `[sgd]`."""

    def allows(self, value: Scalar) -> bool:
        """Tell whether the other parameter's value lets this parameter take part."""
        return as_choice(value) in self.in_


def _is_whole(value: float | None) -> bool:
    return value is None or (abs(value) < 1e15 and float(value).is_integer())


def _whole_in_cel(field: str) -> str:
    value = f"self.{field}"
    return f"(!has({value}) || ({value} > -1e15 && {value} < 1e15 && {value} == double(int({value}))))"


class Parameter(ApiModel):
    """One dimension of the search space."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    """Name under which the trial receives the value. Example: `lr`."""
    type: ParameterType
    """Double and Integer take `min` and `max`; Categorical takes `values`; Discrete takes `numbers`; Boolean
    takes neither. Example: `Double`."""
    min: Bound | None = None
    """Smallest value, inclusive, in the parameter's own unit. Default: none; Double and Integer need one.
    Example: `1e-5`."""
    max: Bound | None = None
    """Largest value, inclusive, in the parameter's own unit. Default: none; Double and Integer need one.
    Example: `1.0`."""
    step: Annotated[float, Field(ge=0, le=1e18)] | None = None
    """Distance between neighbouring values, counted from `min`. Default: continuous for Double, 1 for Integer.
    Example: `16`."""
    scale: Scale = Scale.LINEAR
    """Linear spreads values evenly, Log evenly over orders of magnitude. Default: Linear. Example: `Log`."""
    values: Annotated[SetList[Choice], Field(min_length=1, max_length=64)] | None = None
    """Choices of a Categorical parameter, unordered. Default: none; Categorical needs them.
    Example: `[sgd, adam]`."""
    numbers: Annotated[AtomicList[Bound], Field(min_length=1, max_length=64)] | None = None
    """Choices of a Discrete parameter, ordered. Default: none; Discrete needs them. Example: `[16, 32, 64]`."""
    when: Condition | None = None
    """Takes part only when an earlier parameter has one of these values. Default: always.
    Example: `{parameter: optimizer, in: [sgd]}`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "min",
            "must be set, like `max`, when `type` is Double or Integer",
            "!(self.type in ['Double', 'Integer']) || (has(self.min) && has(self.max))",
            lambda p: p.type not in RANGED or (p.min is not None and p.max is not None),
        ),
        Rule(
            "min",
            "may be set, like `max`, only when `type` is Double or Integer",
            "self.type in ['Double', 'Integer'] || (!has(self.min) && !has(self.max))",
            lambda p: p.type in RANGED or (p.min is None and p.max is None),
        ),
        Rule(
            "min",
            "must be smaller than `max`",
            "!has(self.min) || !has(self.max) || self.min < self.max",
            lambda p: p.min is None or p.max is None or p.min < p.max,
        ),
        Rule(
            "min",
            "must be greater than 0 when `scale` is Log",
            "self.scale != 'Log' || !has(self.min) || self.min > 0.0",
            lambda p: p.scale is not Scale.LOG or p.min is None or p.min > 0,
        ),
        Rule(
            "min",
            "must be a whole number below 1e15, like `max`, when `type` is Integer",
            f"self.type != 'Integer' || ({_whole_in_cel('min')} && {_whole_in_cel('max')})",
            lambda p: p.type is not ParameterType.INTEGER or (_is_whole(p.min) and _is_whole(p.max)),
        ),
        Rule(
            "step",
            "may be set only when `type` is Double or Integer and `scale` is Linear",
            "!has(self.step) || (self.type in ['Double', 'Integer'] && self.scale == 'Linear')",
            lambda p: p.step is None or (p.type in RANGED and p.scale is Scale.LINEAR),
        ),
        Rule(
            "step",
            "must be greater than 0 and not greater than `max` - `min`",
            "!has(self.step) || (self.step > 0.0 && "
            "(!has(self.min) || !has(self.max) || self.step <= self.max - self.min))",
            lambda p: p.step is None or (p.step > 0 and (p.min is None or p.max is None or p.step <= p.max - p.min)),
        ),
        Rule(
            "step",
            "must be a whole number when `type` is Integer",
            f"self.type != 'Integer' || {_whole_in_cel('step')}",
            lambda p: p.type is not ParameterType.INTEGER or _is_whole(p.step),
        ),
        Rule(
            "scale",
            "may be Log only when `type` is Double or Integer",
            "self.scale != 'Log' || self.type in ['Double', 'Integer']",
            lambda p: p.scale is not Scale.LOG or p.type in RANGED,
        ),
        Rule(
            "values",
            "must be set when `type` is Categorical, and only then",
            "has(self.values) == (self.type == 'Categorical')",
            lambda p: (p.values is not None) == (p.type is ParameterType.CATEGORICAL),
        ),
        Rule(
            "numbers",
            "must be set when `type` is Discrete, and only then",
            "has(self.numbers) == (self.type == 'Discrete')",
            lambda p: (p.numbers is not None) == (p.type is ParameterType.DISCRETE),
        ),
        Rule(
            "numbers",
            "may not repeat a number",
            # Not a list of type set: the API server finds a set of whole numbers different from itself.
            "!has(self.numbers) || self.numbers.all(n, self.numbers.exists_one(m, m == n))",
            lambda p: p.numbers is None or len(set(p.numbers)) == len(p.numbers),
        ),
    )

    @property
    def choices(self) -> list[Scalar]:
        """The finite choices of a Categorical, Discrete or Boolean parameter, in manifest order."""
        if self.type is ParameterType.BOOLEAN:
            return [False, True]
        if self.type is ParameterType.DISCRETE:
            return [as_number(number) for number in self.numbers or []]
        return list(self.values or [])

    def admits(self, value: Any) -> bool:
        """Tell whether a trial may hold this value."""
        if self.type is ParameterType.BOOLEAN:
            return isinstance(value, bool)
        if self.type is ParameterType.CATEGORICAL:
            return isinstance(value, str) and value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.type is ParameterType.DISCRETE:
            return value in self.choices
        return self._is_in_range(value) and (self.type is ParameterType.DOUBLE or _is_whole(value))

    def _is_in_range(self, value: float) -> bool:
        if self.min is None or self.max is None or not self.min <= value <= self.max:
            return False
        if self.step is None:
            return True
        steps = (value - self.min) / self.step
        return abs(steps - round(steps)) < STEP_TOLERANCE


def as_choice(value: Scalar) -> str:
    """Spell a Categorical or Boolean value as `when.in` spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_number(value: float) -> float | int:
    """Return a whole number as an int, so that a trial gets `32` and not `32.0`."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def is_active(parameter: Parameter, values: dict[str, Scalar]) -> bool:
    """Tell whether a parameter takes part, given the values of the parameters before it."""
    if parameter.when is None:
        return True
    return parameter.when.parameter in values and parameter.when.allows(values[parameter.when.parameter])
