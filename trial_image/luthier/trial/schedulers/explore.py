"""PBT's explore step: a winner's values, changed a little (Jaderberg et al. 2017, section 3 and appendix A).

Ordered values are multiplied by 0.8 or 1.2 or go to a neighbour, unordered ones change to another choice, and with
some chance a parameter is drawn anew. What a changed parent brings in is drawn, what it rules out is dropped.
"""

from __future__ import annotations

import numpy as np

from luthier.api.parameters import Parameter, ParameterType, Scalar, Scale
from luthier.trial.search.searcher import Values
from luthier.trial.search.space import ORDERED, Space, index_of, sample, size, snap, value_at

FACTORS = (0.8, 1.2)


def explore(space: Space, donor: Values, resample_probability: float, generator: np.random.Generator) -> Values:
    """Return new values, close to the donor's."""
    values = Values()
    for parameter in space.active(values):
        if parameter.name not in donor or generator.random() < resample_probability:
            values[parameter.name] = sample(parameter, generator)
        else:
            values[parameter.name] = perturb(parameter, donor[parameter.name], generator)
    return values


def perturb(parameter: Parameter, value: Scalar, generator: np.random.Generator) -> Scalar:
    """Return a value near the given one; the same one only where the bounds leave no other."""
    if parameter.type not in ORDERED:
        return _other_choice(parameter, value, generator)
    direction = int(generator.integers(2))
    if parameter.type is ParameterType.DISCRETE:
        return _neighbour(parameter, value, direction)
    perturbed = snap(parameter, float(value) * FACTORS[direction])
    return _neighbour(parameter, value, direction) if perturbed == value else perturbed


def changes(donor: Values, values: Values) -> dict[str, tuple[Scalar | None, Scalar | None]]:
    """Return the donor's value and the new value of each parameter in which the two differ."""
    names = dict.fromkeys([*donor, *values])
    return {name: (donor.get(name), values.get(name)) for name in names if donor.get(name) != values.get(name)}


def _other_choice(parameter: Parameter, value: Scalar, generator: np.random.Generator) -> Scalar:
    others = [choice for choice in parameter.choices if choice != value]
    return others[int(generator.integers(len(others)))] if others else value


def _neighbour(parameter: Parameter, value: Scalar, direction: int) -> Scalar:
    """Return the next smaller (0) or larger (1) value: without it, 1.2 * 2 would be rounded to 2 again and again."""
    count = size(parameter)
    if count is None:
        return value
    if parameter.scale is Scale.LOG:
        return snap(parameter, int(value) + 2 * direction - 1)
    index = index_of(parameter, value) + 2 * direction - 1
    return value_at(parameter, min(max(index, 0), count - 1))
