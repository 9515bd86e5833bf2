"""Small builders of specs that read as English."""

from __future__ import annotations

from typing import Any

from luthier.api.catalogue import ALGORITHMS, SCHEDULERS, Algorithm, SchedulerKind
from luthier.api.experiment import Spec
from luthier.api.parameters import RANGED, Parameter, Scalar

Json = dict[str, Any]


def a_double(name: str = "x", low: float = 0.0, high: float = 1.0, **more: Any) -> Json:
    return {"name": name, "type": "Double", "min": low, "max": high, **more}


def an_integer(name: str = "n", low: int = 1, high: int = 9, **more: Any) -> Json:
    return {"name": name, "type": "Integer", "min": low, "max": high, **more}


def a_log_double(name: str = "lr", low: float = 1e-5, high: float = 1.0) -> Json:
    return a_double(name, low, high, scale="Log")


def a_categorical(name: str = "optimizer", *values: str, **more: Any) -> Json:
    return {"name": name, "type": "Categorical", "values": list(values or ("sgd", "adam")), **more}


def a_discrete(name: str = "batch", *numbers: float, **more: Any) -> Json:
    return {"name": name, "type": "Discrete", "numbers": list(numbers or (16, 32, 64)), **more}


def a_boolean(name: str = "nesterov", **more: Any) -> Json:
    return {"name": name, "type": "Boolean", **more}


def only_when(parameter: str, *values: str) -> Json:
    """The `when` of a parameter, to be passed as `**only_when("optimizer", "sgd")`."""
    return {"when": {"parameter": parameter, "in": list(values)}}


def a_parameter(written: Json) -> Parameter:
    return Parameter.model_validate(written)


def a_spec(
    *parameters: Json,
    algorithm: str = "Random",
    seed: int = 0,
    directions: tuple[str, ...] = ("Maximize",),
    scheduler: Json | None = None,
    trials: int = 10,
    parallel: int = 2,
    iterations: int | None = 9,
    settings: Json | None = None,
    initial_points: tuple[dict[str, Scalar], ...] = (),
    workers: Json | None = None,
) -> Spec:
    """A valid spec; `a_spec(a_double(), algorithm="TPE")`, `a_spec(scheduler={"asha": {}})`."""
    return Spec.model_validate(
        {
            "objectives": [{"metric": f"score{i}", "direction": way} for i, way in enumerate(directions)],
            "parameters": list(parameters) or [a_double()],
            "search": {
                "algorithm": algorithm,
                "seed": seed,
                "settings": settings or {},
                "initialPoints": [{"values": values} for values in initial_points],
            },
            "scheduler": scheduler,
            "budget": {"trials": trials, "parallelTrials": parallel, "iterationsPerTrial": iterations},
            "trial": {"function": "train:train"},
            "workers": workers or {},
        }
    )


def a_rich_space(algorithm: str) -> tuple[Json, ...]:
    """One parameter of every kind that the catalogue says the algorithm takes."""
    page = ALGORITHMS[Algorithm(algorithm)]
    parameters = [
        an_integer("layers", 1, 4),
        an_integer("width", 16, 100, step=16),
        a_double("dropout", 0.1, 0.55, step=0.1),
        a_discrete("batch", 64, 16, 0.5, 32),
    ]
    if page.continuous:
        parameters += [a_double("decay", -1.0, 2.0), a_log_double(), an_integer("units", 1, 1000, scale="Log")]
    if page.unordered:
        parameters += [a_categorical(), a_boolean()]
    if page.conditional:
        parameters += [
            a_double("momentum", 0.0, 0.99, **only_when("optimizer", "sgd")),
            an_integer("warmup", 1, 5, **only_when("nesterov", "true")),
        ]
    return tuple(parameters)


def a_block(kind: SchedulerKind, *parameters: Json) -> Json | None:
    """The `scheduler` block of a kind with short intervals; None for no scheduler.

    A replay needs the parameters: it changes all of them to one end of their range, then to the other.
    """
    if kind is SchedulerKind.NONE:
        return None
    if kind is SchedulerKind.REPLAY:
        ends = [{p["name"]: _end_of(a_parameter(p), index) for p in parameters} for index in (-1, 0)]
        changes = zip((3, 4, 7), (*ends, ends[0]), strict=True)
        return {"replay": {"schedule": [{"firstIteration": first, "values": values} for first, values in changes]}}
    is_population = kind in (SchedulerKind.PBT, SchedulerKind.PB2)
    return {kind.value: {"perturbationInterval": 2} if is_population else {}}


def _end_of(parameter: Parameter, index: int) -> Any:
    if parameter.type in RANGED:
        return (parameter.min, parameter.max)[index]
    return parameter.choices[index]


RUNNABLE_ALGORITHMS = [page.algorithm.value for page in ALGORITHMS.values() if not page.needs_torch]
"""Algorithms of the catalogue that run in the plain image; those that need torch have a file of their own."""
SCHEDULER_KINDS = list(SCHEDULERS)
