"""The parser refuses every bad manifest by naming the field and the rule, in the words of the API server's rules."""

from __future__ import annotations

import pytest

from luthier.api.manifest import ManifestError, parse
from support.bad_manifests import BAD_MANIFESTS, LATER_REFUSED, Bad, a_manifest


def test_the_manifest_that_the_table_spoils_is_good() -> None:
    assert parse(a_manifest()).metadata.name == "good"


def test_every_fault_has_a_sentence_of_its_own() -> None:
    sentences = [bad.sentence for bad in (*BAD_MANIFESTS, *LATER_REFUSED)]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("bad", [*BAD_MANIFESTS, *LATER_REFUSED], ids=lambda bad: bad.sentence)
def test_the_parser_names_field_and_rule(bad: Bad) -> None:
    with pytest.raises(ManifestError) as refusal:
        parse(bad.manifest)
    fitting = [problem for problem in refusal.value.problems if problem.startswith(f"{bad.place or bad.field}:")]
    assert any(bad.rule in problem for problem in fitting), refusal.value.problems


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.sentence)
def test_a_single_fault_makes_a_single_sentence(bad: Bad) -> None:
    with pytest.raises(ManifestError) as refusal:
        parse(bad.manifest)
    assert len(refusal.value.problems) <= 2, refusal.value.problems


def test_several_faults_are_said_at_once() -> None:
    manifest = a_manifest()
    manifest["spec"]["budget"]["trials"] = "many"
    manifest["spec"]["search"]["algorithm"] = "Magic"
    with pytest.raises(ManifestError) as refusal:
        parse(manifest)
    assert refusal.value.problems == [
        "spec.search.algorithm: 'Magic': must be Random, Grid, Sobol, TPE, GP or CMAES",
        "spec.budget.trials: 'many': must be a whole number",
    ]


def test_of_many_parameters_the_faulty_one_is_named() -> None:
    manifest = a_manifest()
    manifest["spec"]["parameters"][5]["when"]["parameter"] = "optimiser"
    manifest["spec"]["search"]["initialPoints"] = [{"values": {"lr": 0.1}}, {"values": {"lr": 0.1, "layers": 10}}]
    with pytest.raises(ManifestError) as refusal:
        parse(manifest)
    assert refusal.value.problems == [
        "spec.parameters[5].when.parameter: 'optimiser': "
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        "spec.search.initialPoints[1].values.layers: 10: "
        "may set only parameters by their names, to values that they can take",
    ]
