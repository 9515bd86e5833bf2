"""The laptop and the API server judge alike: random manifests, good and bad, get the same verdict from both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.api.manifest import ManifestError, parse
from support.apiserver import Experiments, Refused
from support.bad_manifests import a_manifest

pytestmark = pytest.mark.apiserver

Json = dict[str, Any]


def sometimes(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


def at_most(count: int, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """At most so many of the fields: a manifest with one fault says more than one with ten."""
    chosen = st.lists(st.sampled_from(sorted(fields)), max_size=count, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: fields[name] for name in names}))


ENDS = st.sampled_from([0.5, 1, 2, 3.0, 0, -1, 1e15, 1e300, "1", None])
WORDS = st.lists(st.sampled_from(["sgd", "adam", "true", "false", ""]), max_size=3)
COHERENT: list[Json] = [
    {"name": "a", "type": "Double", "min": 0.5, "max": 4},
    {"name": "b", "type": "Integer", "min": 1, "max": 4},
    {"name": "c", "type": "Categorical", "values": ["sgd"]},
    {"name": "d", "type": "Discrete", "numbers": [0.5, 2]},
    {"name": "e", "type": "Boolean"},
]
PARAMETER = st.builds(
    lambda good, change: {**good, **change},
    st.sampled_from(COHERENT),
    at_most(
        2,
        name=st.sampled_from(["f", "lr", "", "x y"]),
        type=st.sampled_from(["Double", "Integer", "Categorical", "Discrete", "Boolean"]),
        min=ENDS,
        max=ENDS,
        step=ENDS,
        scale=st.sampled_from(["Linear", "Log", "log"]),
        values=WORDS,
        numbers=st.lists(st.sampled_from([1, 2, 0.5]), max_size=3),
        when=st.fixed_dictionaries(
            {"parameter": st.sampled_from(["optimizer", "nesterov", "lr", "later", "a"]), "in": WORDS}
        ),
    ),
)
PARAMETERS = st.lists(st.sampled_from([*COHERENT, *a_manifest()["spec"]["parameters"]]), min_size=1, max_size=4)
SPEC = at_most(
    3,
    search=sometimes(
        algorithm=st.sampled_from(["Random", "Grid", "Sobol", "TPE", "GP", "CMAES", "grid"]),
        settings=at_most(1, startupTrials=st.integers(0, 4), populationSize=st.integers(1, 4)),
        seed=st.sampled_from([0, 7, 2**31 - 1, 2**31, -1, 1.5]),
    ),
    scheduler=at_most(
        2,
        asha=sometimes(gracePeriod=st.integers(0, 4)),
        hyperband=sometimes(reductionFactor=st.integers(1, 4)),
        medianStopping=st.just({}),
        pbt=sometimes(quantileFraction=st.sampled_from([0, 0.25, 0.5, 1])),
        pb2=st.just({}),
    ),
    budget=at_most(
        3,
        trials=st.integers(0, 8),
        parallelTrials=st.integers(0, 4),
        iterationsPerTrial=st.integers(0, 8),
        gpuHours=st.sampled_from([0, 1, 2.5]),
    ),
    trial=at_most(
        3,
        function=st.sampled_from(["a:b", "a.b:c", "ab", "é:b"]),
        command=st.lists(st.just("x"), max_size=2),
        metricsFrom=st.sampled_from(["Stdout", "File"]),
        metricsFile=st.sampled_from(["m", "/m", "m\n"]),
        resources=sometimes(gpu=st.sampled_from([0, 0.5, 1, 1.5, 2])),
    ),
    storage=sometimes(claimName=st.sampled_from(["c", "C"]), storageClassName=st.just("fast")),
    suspend=st.sampled_from([True, "true", None]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameters=PARAMETERS, spec=SPEC)
def test_both_judges_give_the_same_verdict(experiments: Experiments, parameters: list[Json], spec: Json) -> None:
    manifest = a_manifest()
    manifest["spec"] = {**manifest["spec"], "search": {}, "parameters": parameters, **spec}
    assert _refused_by_the_parser(manifest) == _refused_by_the_server(experiments, manifest)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameter=PARAMETER)
def test_both_judges_give_the_same_verdict_on_a_parameter(experiments: Experiments, parameter: Json) -> None:
    manifest = a_manifest()
    manifest["spec"]["parameters"].insert(5, parameter)
    assert _refused_by_the_parser(manifest) == _refused_by_the_server(experiments, manifest)


def test_the_largest_search_space_is_judged_within_the_servers_budget(experiments: Experiments) -> None:
    values = [f"{index:0128}" for index in range(64)]
    first = {"name": f"{0:x>63}", "type": "Categorical", "values": values}
    rest = [
        {**first, "name": f"{index:x>63}", "when": {"parameter": first["name"], "in": values[:32]}}
        for index in range(1, 64)
    ]
    manifest = a_manifest()
    manifest["spec"]["parameters"] = [first, *rest]
    parse(manifest)
    experiments.create(manifest, dry_run=True)


def _refused_by_the_parser(manifest: Json) -> bool:
    try:
        parse(manifest)
    except ManifestError:
        return True
    return False


def _refused_by_the_server(experiments: Experiments, manifest: Json) -> bool:
    try:
        experiments.create(manifest, dry_run=True)
    except Refused:
        return True
    return False
