"""Search spaces of Ray Tune and Optuna, as they are in Python, as parameters of a manifest.

Objects are known by the names of their classes, so neither library has to be there. A manifest's own parameters
and plain lists of choices are taken as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.api.parameters import Parameter, ParameterType

Json = dict[str, Any]
TYPES = [kind.value for kind in ParameterType]


class Loss(str):
    """A note on something that a manifest cannot say: the parameters are another space than the one that was given."""


class NoSpace(TypeError):
    """An object is no search space; the message says what it is."""


def parameters_of(space: Any) -> tuple[list[Json], list[str]]:
    """Return the parameters of a space, and a sentence for each thing that has no equal; a `Loss` where it matters.

    Args:
        space: a dict of Ray Tune's domains or Optuna's distributions, or a function that asks an Optuna trial for
            suggestions; it is called once with a trial that takes the first of everything.

    Raises:
        NoSpace: it is none of these.
    """
    notes: list[str] = []
    if isinstance(space, Mapping):
        return _of_mapping(space, "", notes), notes
    if callable(space):
        return _of_function(space, notes), notes
    raise NoSpace(f"a {type(space).__name__} is no search space; a dict or a function of an Optuna trial is one")


def _of_mapping(space: Mapping[str, Any], prefix: str, notes: list[str]) -> list[Json]:
    found = []
    for key, value in space.items():
        name = f"{prefix}{key}"
        if isinstance(value, Parameter):
            found.append({**value.to_json(), "name": name})
        elif isinstance(value, Mapping) and value.get("type") in TYPES:
            found.append({**value, "name": name})
        elif isinstance(value, list | tuple):
            found.append(_of_choices(name, value, notes))
        elif isinstance(value, Mapping) and "grid_search" in value:
            notes.append(f"{name}: grid_search is one of several values here; search.algorithm Grid tries all of them")
            found.append(_of_choices(name, value["grid_search"], notes))
        elif isinstance(value, Mapping):
            notes.append(Loss(f"{name}: a nested space becomes names with dots; config[{name!r}] is no dict any more"))
            found += _of_mapping(value, f"{name}.", notes)
        else:
            found.append(_of_object(name, value, notes))
    return [each for each in found if each]


def _of_object(name: str, value: Any, notes: list[str]) -> Json:
    kind = type(value).__name__
    match kind:
        case "FloatDistribution" | "IntDistribution":
            whole = kind == "IntDistribution"
            step = value.step if not (whole and value.step == 1) else None
            return ranged(name, value.low, value.high, whole=whole, log=value.log, step=step)
        case "CategoricalDistribution":
            return _of_choices(name, value.choices, notes)
        case "Float" | "Integer":
            return _of_domain(name, value, notes, whole=kind == "Integer")
        case "Categorical":
            return _of_choices(name, value.categories, notes)
        case "Function":
            notes.append(
                Loss(f"{name}: tune.sample_from has no equal; write it as a parameter, or into the training code")
            )
            return {}
        case "bool" | "int" | "float" | "str":
            notes.append(f"{name}: a constant is a parameter of one value here")
            return _of_choices(name, [value], notes)
    notes.append(Loss(f"{name}: a {kind} has no equal"))
    return {}


def _of_domain(name: str, domain: Any, notes: list[str], *, whole: bool) -> Json:
    """Return one of Ray Tune's ranges; the end of an integer's is exclusive there."""
    sampler, step = domain.sampler, None
    if type(sampler).__name__ == "Quantized":
        step, sampler = sampler.q, sampler.sampler
    kind = type(sampler).__name__.lstrip("_")
    if kind == "Normal":
        notes.append(Loss(f"{name}: a normal distribution has no equal; give it a min and a max"))
        mean, deviation = sampler.mean, sampler.sd
        return ranged(name, mean - 3 * deviation, mean + 3 * deviation, whole=False)
    is_log = kind == "LogUniform"
    if is_log and step is not None:
        notes.append(Loss(f"{name}: a step on a logarithmic scale has no equal, so it has no step"))
        step = None
    high = domain.upper if not whole or step not in (None, 1) else domain.upper - 1
    return ranged(name, domain.lower, high, whole=whole, log=is_log, step=None if whole and step == 1 else step)


def ranged(name: str, low: float, high: float, *, whole: bool, log: bool = False, step: float | None = None) -> Json:
    """Return a Double or an Integer parameter; one of a single value where both ends are the same."""
    if low == high:
        return {"name": name, "type": "Discrete", "numbers": [low]}
    return {
        "name": name,
        "type": "Integer" if whole else "Double",
        "min": low,
        "max": high,
        **({"step": step} if step is not None else {}),
        **({"scale": "Log"} if log else {}),
    }


def _of_choices(name: str, choices: Sequence[Any], notes: list[str]) -> Json:
    values = list(choices)
    if sorted(map(str, values)) == ["False", "True"] and all(isinstance(value, bool) for value in values):
        return {"name": name, "type": "Boolean"}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {"name": name, "type": "Discrete", "numbers": sorted(values)}
    if not all(isinstance(value, str) for value in values):
        said = ", ".join(map(str, values))
        notes.append(Loss(f"{name}: choices that are no numbers and no text become text: {said}"))
    return {"name": name, "type": "Categorical", "values": [str(value) for value in values]}


class RecordingTrial:
    """Takes the first of everything that an Optuna trial is asked for, and takes note of it."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}
        self.notes: list[str] = []

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Note a Double."""
        self.found[name] = ranged(name, low, high, whole=False, log=log, step=step)
        return low

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Note an Integer."""
        self.found[name] = ranged(name, low, high, whole=True, log=log, step=None if step == 1 else step)
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Note a choice."""
        self.found[name] = _of_choices(name, choices, self.notes)
        return choices[0]


def _of_function(space: Callable[[Any], Any], notes: list[str]) -> list[Json]:
    trial = RecordingTrial()
    try:
        space(trial)
    except Exception as error:
        if not trial.found:
            raise NoSpace(f"the function asked for no suggestion: {type(error).__name__}: {error}") from error
        notes.append(f"the function ended with {type(error).__name__} after the suggestions above; are these all?")
    if not trial.found:
        raise NoSpace("the function asked for no suggestion")
    notes.append(
        "only what the function asks for when it gets the first choice of everything is here; add `when` blocks"
    )
    notes.extend(trial.notes)
    return list(trial.found.values())
