"""Search spaces of Ray Tune, of Optuna and of a manifest, as a manifest's `parameters`.

Neither library is imported for it: an object of theirs can only be here if its owner has imported them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.api.parameters import Parameter

Json = dict[str, Any]
RAY, OPTUNA = "ray.tune.search.sample", "optuna.distributions"


class SpaceError(ValueError):
    """A space that has no equal in a manifest; the message names each parameter and says why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class NoEqualError(ValueError):
    """One parameter has no equal."""


def parameters_of(space: Mapping[str, Any]) -> list[Json]:
    """Return a space as the parameters of a manifest, in its order.

    Args:
        space: by name of the parameter a Ray Tune domain, an Optuna distribution, a parameter as a manifest has it
            (without its name), a list of choices, or a constant.

    Raises:
        SpaceError: some of it has no equal.

    >>> parameters_of({"lr": {"type": "Double", "min": 0.001, "max": 1, "scale": "Log"}, "optimizer": ["sgd", "adam"]})
    [{'name': 'lr', 'type': 'Double', 'min': 0.001, 'max': 1, 'scale': 'Log'}, \
{'name': 'optimizer', 'type': 'Categorical', 'values': ['sgd', 'adam']}]
    >>> parameters_of({"layers": [1, 2, 4], "epochs": 10})
    [{'name': 'layers', 'type': 'Discrete', 'numbers': [1, 2, 4]}, \
{'name': 'epochs', 'type': 'Discrete', 'numbers': [10]}]
    """
    found, problems = [], []
    for name, domain in space.items():
        try:
            found.append({"name": str(name), **_parameter(domain)})
        except NoEqualError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise SpaceError(problems)
    return found


def _parameter(domain: Any) -> Json:
    if isinstance(domain, Parameter):
        return {key: value for key, value in domain.to_json().items() if key != "name"}
    if isinstance(domain, Mapping):
        return _of_mapping(domain)
    if isinstance(domain, list | tuple):
        return _choices(domain)
    if _is_of(domain, RAY):
        return _of_ray(domain)
    if _is_of(domain, OPTUNA):
        return _of_optuna(domain)
    return _choices([domain])


def _of_mapping(domain: Mapping[str, Any]) -> Json:
    if "type" in domain:
        return {key: value for key, value in domain.items() if key != "name"}
    if set(domain) == {"grid_search"}:
        return _choices(domain["grid_search"])
    raise NoEqualError("a space within a space has no equal; give its parameters names of their own, like `model.lr`")


def _of_ray(domain: Any) -> Json:
    kind = type(domain).__name__
    sampler: Any = getattr(domain, "sampler", None)
    step = None
    if type(sampler).__name__ == "Quantized":
        step, sampler = sampler.q, sampler.sampler
    if kind == "Categorical":
        return _choices(domain.categories)
    if kind not in ("Float", "Integer"):
        raise NoEqualError(f"a Ray Tune {kind} has no equal: its values are made by code")
    way = type(sampler).__name__.lstrip("_")
    if way not in ("Uniform", "LogUniform", "NoneType"):
        raise NoEqualError(f"Ray Tune's {way} has no equal; take uniform or loguniform")
    low, high = domain.lower, domain.upper
    if kind == "Integer" and step in (None, 1):
        high, step = high - (step is None), None  # Ray leaves the upper bound out, unless it rounds
    return _ranged("Integer" if kind == "Integer" else "Double", low, high, step, is_log=way == "LogUniform")


def _of_optuna(domain: Any) -> Json:
    kind = type(domain).__name__
    if kind == "CategoricalDistribution":
        return _choices(domain.choices)
    if kind not in ("FloatDistribution", "IntDistribution"):
        raise NoEqualError(f"Optuna's {kind} has no equal")
    is_whole = kind == "IntDistribution"
    step = None if is_whole and domain.step == 1 else domain.step
    return _ranged("Integer" if is_whole else "Double", domain.low, domain.high, step, is_log=domain.log)


def _ranged(kind: str, low: float, high: float, step: float | None, *, is_log: bool) -> Json:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise NoEqualError("it has no bounds")
    if low == high:
        return _choices([low])
    if step is not None and is_log:
        raise NoEqualError("a step on a logarithmic scale has no equal; leave out one of them")
    found: Json = {"type": kind, "min": low, "max": high}
    if is_log:
        found["scale"] = "Log"
    if step is not None:
        found["step"] = step
    return found


def _choices(values: Sequence[Any]) -> Json:
    kinds: dict[str, Callable[[Any], bool]] = {
        "Boolean": lambda value: isinstance(value, bool),
        "Discrete": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        "Categorical": lambda value: isinstance(value, str),
    }
    kind = next((kind for kind, fits in kinds.items() if values and all(fits(value) for value in values)), None)
    match kind:
        case "Boolean" if set(values) == {True, False}:
            return {"type": kind}
        case "Discrete":
            return {"type": kind, "numbers": list(values)}
        case "Categorical":
            return {"type": kind, "values": list(values)}
    said = ", ".join(f"{value!r}" for value in values[:5])
    raise NoEqualError(f"choices must be all text, all numbers, or both truth values, and are {said or 'none'}")


def _is_of(domain: Any, module: str) -> bool:
    return any(kind.__module__ == module for kind in type(domain).__mro__)
