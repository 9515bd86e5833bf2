"""The search space as the algorithms see it: how values are drawn, put right and counted.

Everything that has finitely many ordered values is an index here, so that an Integer stays an int, `min + k * step`
is exact in decimals, and Discrete numbers keep their order. No library's own space is needed for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np

from luthier.api.parameters import Parameter, ParameterType, Scalar, Scale, as_choice, as_number, is_active
from luthier.trial.search.searcher import Values

ORDERED = (ParameterType.DOUBLE, ParameterType.INTEGER, ParameterType.DISCRETE)
"""Types whose values have neighbours."""


class Space:
    """The parameters of a spec, in manifest order, as a space to draw from."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self._by_name = {parameter.name: parameter for parameter in parameters}

    @property
    def is_conditional(self) -> bool:
        """Whether some parameter takes part only under a condition."""
        return any(parameter.when is not None for parameter in self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    def active(self, values: Values) -> Iterator[Parameter]:
        """Yield the parameters that take part, while the caller fills in `values` one by one."""
        for parameter in self.parameters:
            if is_active(parameter, values):
                yield parameter

    def sample(self, generator: np.random.Generator, given: Mapping[str, Scalar] | None = None) -> Values:
        """Draw every parameter that takes part, except those already given."""
        given, values = given or {}, Values()
        for parameter in self.active(values):
            drawn = sample(parameter, generator)  # also where given: the rest must not depend on what is given
            values[parameter.name] = given.get(parameter.name, drawn)
        return values

    def point(self, written: Mapping[str, Scalar]) -> Values:
        """Read a point that a user wrote, maybe a partial one; admission has checked all but the types."""
        return {name: snap(self._by_name[name], value) for name, value in written.items()}


def size(parameter: Parameter) -> int | None:
    """Return how many values a parameter has; None for a continuum."""
    if parameter.type in (ParameterType.CATEGORICAL, ParameterType.DISCRETE, ParameterType.BOOLEAN):
        return len(parameter.choices)
    low, high, step = bounds_of(parameter)
    return int((Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step))) + 1 if step else None


def value_at(parameter: Parameter, index: int) -> Scalar:
    """Return the value with an index, from 0; numbers ascend."""
    if parameter.type is ParameterType.DISCRETE:
        return as_number(sorted(parameter.numbers or [])[index])
    if parameter.type in (ParameterType.CATEGORICAL, ParameterType.BOOLEAN):
        return parameter.choices[index]
    low, _, step = bounds_of(parameter)
    if parameter.type is ParameterType.INTEGER:
        return int(low) + index * int(step)
    return float(Decimal(str(low)) + index * Decimal(str(step)))


def index_of(parameter: Parameter, value: Scalar) -> int:
    """Return the index of the value nearest to a number, or of an equal choice; raise ValueError if there is none."""
    if parameter.type in (ParameterType.CATEGORICAL, ParameterType.BOOLEAN):
        return [as_choice(choice) for choice in parameter.choices].index(as_choice(value))
    number = float(value)
    if parameter.type is ParameterType.DISCRETE:
        distances = [abs(known - number) for known in sorted(parameter.numbers or [])]
        return distances.index(min(distances))
    low, high, step = bounds_of(parameter)
    nearest = round((min(max(number, low), high) - low) / step)
    return min(nearest, (size(parameter) or 1) - 1)


def snap(parameter: Parameter, value: Scalar) -> Scalar:
    """Return the value of a parameter that is nearest to a number: within bounds, on a step, of the right type."""
    if size(parameter) is not None:
        return value_at(parameter, index_of(parameter, value))
    low, high, _ = bounds_of(parameter)
    return min(max(float(value), low), high)


def sample(parameter: Parameter, generator: np.random.Generator) -> Scalar:
    """Draw one value, uniform on the parameter's own scale."""
    return at(parameter, generator.random())


def at(parameter: Parameter, unit: float) -> Scalar:
    """Return the value at a place in [0, 1) of the parameter's own scale: equal lengths are equal chances."""
    count = size(parameter)
    if count is not None and parameter.scale is Scale.LINEAR:
        return value_at(parameter, min(int(unit * count), count - 1))
    low, high, _ = bounds_of(parameter)
    margin = 0.5 if parameter.type is ParameterType.INTEGER else 0.0  # so that the end values are not half as likely
    if parameter.scale is Scale.LOG:
        start, end = math.log(low - margin), math.log(high + margin)
        return snap(parameter, math.exp(start + unit * (end - start)))
    return snap(parameter, low * (1 - unit) + high * unit)


def unit_of(parameter: Parameter, value: Scalar) -> float:
    """Return where in [0, 1] of a ranged parameter's own scale a value lies."""
    low, high, _ = bounds_of(parameter)
    number = float(value)
    if parameter.scale is Scale.LOG:
        low, high, number = math.log(low), math.log(high), math.log(number)
    return (number - low) / (high - low)


def bounds_of(parameter: Parameter) -> tuple[float, float, float]:
    """Return `min`, `max` and `step` of a ranged parameter; a continuum has step 0."""
    if parameter.min is None or parameter.max is None:
        raise ValueError(f"`{parameter.name}` is {parameter.type}, which has no range")
    return parameter.min, parameter.max, parameter.step or (1.0 if parameter.type is ParameterType.INTEGER else 0.0)
