"""Whatever the runtime can say, one line of JSON holds, exactly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.api.experiment import Budget
from luthier.api.wire import Outcome
from luthier.trial.errors import BrokenLedger, NewerLedger
from luthier.trial.records import (
    AttemptStarted,
    BudgetChanged,
    CheckpointSaved,
    ExploitStep,
    Finished,
    RunPlaced,
    RunStarted,
    Skipped,
    SpaceExhausted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
    UnknownKind,
    decode,
    decode_lines,
    encode,
)

times = st.floats(0, 4e9)
counts = st.integers(0, 2**40)
texts = st.text(max_size=50)
numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.booleans() | st.integers(-(2**63), 2**63) | numbers | texts
values = st.dictionaries(texts, scalars, max_size=4)
steps = st.builds(
    lambda *given: ExploitStep(donor=given[0], donor_iteration=given[1], checkpoint=given[2], values=given[3]),
    texts,
    counts,
    st.none() | texts,
    values,
) | st.builds(
    lambda changed: ExploitStep(donor="a", donor_iteration=1, checkpoint=None, values={}, changed=changed),
    st.dictionaries(texts, st.lists(st.none() | scalars, max_size=2), max_size=3),
)
records = st.one_of(
    st.builds(AttemptStarted, time=times, attempt=counts, generation=counts, previous_end=st.text(max_size=20)),
    st.builds(BudgetChanged, time=times, generation=counts, budget=st.builds(Budget, trials=st.integers(1, 99))),
    st.builds(TrialProposed, time=times, trial=texts, values=values),
    st.builds(SpaceExhausted, time=times),
    st.builds(RunStarted, time=times, trial=texts, iteration=counts, checkpoint=st.none() | texts),
    st.builds(RunPlaced, time=times, trial=texts, worker=texts),
    st.builds(
        TrialReported,
        time=times,
        trial=texts,
        iteration=counts,
        metrics=st.dictionaries(texts, numbers, max_size=4),
        decision=st.sampled_from(["Continue", "Complete", "Stop", "Pause", "Exploit"]),
        reason=st.none() | texts,
        exploit=st.none() | steps,
    ),
    st.builds(CheckpointSaved, time=times, trial=texts, iteration=counts, checkpoint=texts),
    st.builds(TrialRetried, time=times, trial=texts, cause=texts, message=texts, counted=st.booleans()),
    st.builds(
        TrialEnded,
        time=times,
        trial=texts,
        ending=st.sampled_from(["Succeeded", "Stopped", "Failed"]),
        cause=st.none() | texts,
        message=st.none() | texts,
    ),
    st.builds(
        Finished,
        time=times,
        outcome=st.builds(Outcome, succeeded=st.booleans(), reason=texts, message=texts),
    ),
)


@settings(max_examples=150)
@given(records)
def test_a_record_is_one_line_and_comes_back_with_its_types(record):
    line = encode(record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert repr(decode(line)) == repr(record)


@settings(max_examples=100)
@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_what_is_no_record_is_refused_as_that(line):
    try:
        decode(line)
    except (ValidationError, UnknownKind):
        return
    assert json.loads(line)["kind"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_is_refused_before_it_is_written(number):
    with pytest.raises(ValidationError):
        TrialReported(time=1.0, trial="t0000", iteration=1, metrics={"loss": number})


MOOD = b'{"kind": "mood", "time": 3.0, "trial": "t0000", "mood": "good", "optional": true}\n'
MERGED = b'{"kind": "merged", "time": 3.0, "trial": "t0000"}\n'


def test_a_newer_version_s_record_that_may_be_skipped_is_skipped_and_kept_as_it_is():
    record = decode(MOOD)
    assert (type(record), record.time) == (Skipped, 3.0)
    assert json.loads(encode(record)) == json.loads(MOOD)


def test_what_only_people_look_at_may_be_skipped_by_who_does_not_know_it():
    assert json.loads(encode(RunPlaced(time=1.0, trial="t0000", worker="a")))["optional"] is True


def test_a_newer_version_s_record_that_decides_ends_the_reading_and_says_which_image_helps():
    environment = {"luthier": "0.9.0", "image": "example/trial:0.9.0"}
    begun = encode(AttemptStarted(time=1.0, attempt=1, environment=environment))
    with pytest.raises(NewerLedger) as raised:
        list(decode_lines([begun, MOOD, MERGED]))
    assert str(raised.value) == (
        "line 3 of the ledger: 'merged' is no kind of record that this version knows; it was written by Luthier 0.9.0, "
        "in the image example/trial:0.9.0: use an image that is at least as new"
    )


@pytest.mark.parametrize(
    "line",
    [b'{"kind": "mood", "optional": true}\n', b'{"kind": "mood", "time": 1, "optional": "very"}\n', b'{"time": 1}\n'],
    ids=["no time", "no yes or no", "no kind"],
)
def test_what_has_not_what_every_record_has_is_broken_and_not_newer(line):
    with pytest.raises(BrokenLedger) as raised:
        list(decode_lines([line]))
    assert type(raised.value) is BrokenLedger
