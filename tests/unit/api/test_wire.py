"""The wire is a bijection for what is honest, bounded for what is large, and closed to what is hostile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.api.status import (
    FAILURES_SHOWN,
    FRONT_POINTS,
    LINEAGE_STEPS,
    METRICS_SHOWN,
    TOP_TRIALS,
    Exploit,
    FailedTrial,
    Population,
    TrialCounts,
    TrialResult,
    Usage,
)
from luthier.api.wire import (
    MAX_BYTES,
    MAX_TERMINATION_BYTES,
    Outcome,
    Phase,
    Report,
    WireError,
    decode,
    encode,
    encode_termination,
)

COUNTS = st.integers(0, 2**53)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=63)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), FINITE, TEXT.map(lambda text: text[:128]))
TIMES = st.datetimes(timezones=st.just(UTC))
RESULTS = st.builds(
    TrialResult,
    trial=NAMES,
    iteration=COUNTS,
    parameters=st.dictionaries(NAMES, SCALARS, max_size=4),
    metrics=st.dictionaries(NAMES, FINITE, max_size=4),
    checkpoint=st.none() | TEXT,
)
EXPLOITS = st.builds(
    Exploit,
    trial=NAMES,
    donor=NAMES,
    iteration=COUNTS,
    donor_iteration=COUNTS,
    time=TIMES,
    changed=st.dictionaries(NAMES, st.lists(st.none() | SCALARS, min_size=2, max_size=2), max_size=2),
)
REPORTS = st.builds(
    Report,
    uid=NAMES,
    attempt=COUNTS,
    phase=st.sampled_from(Phase),
    outcome=st.none() | st.builds(Outcome, succeeded=st.booleans(), reason=NAMES, message=TEXT),
    trials=st.builds(TrialCounts, total=COUNTS, failed=COUNTS),
    best=st.none() | RESULTS,
    top=st.lists(RESULTS, max_size=TOP_TRIALS),
    pareto_front=st.lists(RESULTS, max_size=2),
    usage=st.builds(Usage, gpu_seconds=st.floats(0, 1e15)),
    population=st.none() | st.builds(Population, exploits=COUNTS, lineage=st.lists(EXPLOITS, max_size=2)),
    failures=st.lists(st.builds(FailedTrial, trial=NAMES, cause=NAMES, message=TEXT), max_size=2),
    last_result_time=st.none() | TIMES,
    metrics_seen=st.lists(NAMES, max_size=4),
)


def the_worst_report(character: str) -> Report:
    """Every list full, every text at its longest, all of one character."""
    names = [f"{index:02}" + character * 61 for index in range(64)]
    result = TrialResult(
        trial=character * 63,
        iteration=2**53,
        parameters=dict.fromkeys(names, character * 128),
        metrics=dict.fromkeys(names[:METRICS_SHOWN], -1.7976931348623157e308),
        checkpoint=character * 1024,
    )
    exploit = Exploit(
        trial=character * 63,
        donor=character * 63,
        iteration=1,
        donor_iteration=1,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        changed={name: [character * 128] * 2 for name in names},
    )
    failure = FailedTrial(trial=character * 63, cause=character * 63, message=character * 1024)
    return Report(
        uid=character * 63,
        outcome=Outcome(succeeded=False, reason=character * 63, message=character * 1024),
        best=result,
        top=[result] * TOP_TRIALS,
        pareto_front=[result] * FRONT_POINTS,
        population=Population(lineage=[exploit] * LINEAGE_STEPS),
        failures=[failure] * FAILURES_SHOWN,
        missing_metric=character * 63,
        metrics_seen=[character * 63] * 32,
    )


@given(REPORTS)
def test_decode_is_the_inverse_of_encode(report: Report) -> None:
    assert decode(encode(report)) == report


def test_half_a_character_is_refused_since_it_would_be_stored_as_another_one() -> None:
    with pytest.raises(WireError, match="surrogates not allowed"):
        decode(rb'{"missingMetric": "\ud800"}')
    assert decode(rb'{"missingMetric": "\ud83d\ude00"}').missing_metric == "\U0001f600"


def test_values_keep_their_types() -> None:
    values = {"flag": True, "count": 1, "rate": 1.0, "name": "1"}
    report = Report(best=TrialResult(trial="t", iteration=1, parameters=values))
    best = decode(encode(report)).best
    assert best is not None
    assert {name: type(value) for name, value in best.parameters.items()} == {
        "flag": bool,
        "count": int,
        "rate": float,
        "name": str,
    }


@given(REPORTS)
def test_a_termination_message_is_a_report_within_the_limit(report: Report) -> None:
    data = encode_termination(report)
    kept = decode(data)
    assert len(data) <= MAX_TERMINATION_BYTES
    assert (kept.uid, kept.attempt, kept.phase, kept.trials) == (
        report.uid,
        report.attempt,
        report.phase,
        report.trials,
    )


@pytest.mark.parametrize("character", ["x", '"', "\0", "é", "\U0001f600", "\x7f"], ids=ascii)
def test_the_worst_report_still_fits_and_says_how_it_ended(character: str) -> None:
    report = the_worst_report(character)
    assert len(encode(report)) <= MAX_BYTES
    kept = decode(encode_termination(report))
    assert len(encode_termination(report)) <= MAX_TERMINATION_BYTES
    assert kept.outcome is not None
    assert kept.outcome.reason == character * 63


def test_a_small_report_loses_nothing_in_a_termination_message() -> None:
    report = Report(
        outcome=Outcome(succeeded=True, reason="TrialsDone", message="16 of 16 trials are done."),
        best=TrialResult(trial="t0007", iteration=9, parameters={"lr": 0.01}, metrics={"accuracy": 0.9}),
    )
    assert decode(encode_termination(report)) == report


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(b"\xff" + data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["best", "top", "trials", "population", "lastResultTime", "uid"]), JSON))
def test_any_json_is_a_report_or_a_wire_error(document: dict[str, Any]) -> None:
    try:
        report = decode(json.dumps(document).encode())
    except WireError:
        return
    assert decode(encode(report)) == report


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"version": "v2"}',
        b"[" * 100_000,
        b'{"best": ' * 30_000,
        b" " * (MAX_BYTES + 1),
        b'{"usage": {"gpuSeconds": NaN}}',
        b'{"usage": {"gpuSeconds": 1e999}}',
        b'{"usage": {"gpuSeconds": -1}}',
        b'{"trials": {"running": ' + b"9" * 5000 + b"}}",
        b'{"best": {"trial": "t", "iteration": 1, "metrics": {"loss": Infinity}}}',
        b'{"best": {"trial": "t", "iteration": 1, "parameters": {"lr": [[[]]]}}}',
        b'{"best": {"trial": "t", "iteration": 1, "parameters": {"lr": "\\ud800"}}}',
        b'{"lastResultTime": "2026-01-01T00:00:00"}',
    ],
    ids=[
        "nothing",
        "null",
        "a list",
        "another version",
        "deep lists",
        "deep objects",
        "too many bytes",
        "not a number",
        "too large for a double",
        "negative seconds",
        "a count of 5000 digits",
        "an infinite metric",
        "a nested parameter",
        "half a character",
        "a time without a zone",
    ],
)
def test_hostile_documents_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


def test_fields_of_a_newer_version_are_ignored() -> None:
    assert decode(b'{"uid": "a", "mood": "good"}') == Report(uid="a")


def test_what_is_not_finite_is_not_even_written() -> None:
    with pytest.raises(ValidationError):
        TrialResult(trial="t", iteration=1, metrics={"loss": float("nan")})


def test_a_time_keeps_its_moment_in_any_zone() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert decode(encode(Report(last_result_time=moment))).last_result_time == moment
