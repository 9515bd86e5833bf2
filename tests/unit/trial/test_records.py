"""Whatever the runtime can say, one line of JSON holds, exactly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from luthier.api.experiment import Budget
from luthier.api.wire import Outcome
from luthier.trial.records import (
    AttemptStarted,
    BudgetChanged,
    CheckpointSaved,
    ExploitStep,
    Finished,
    RunStarted,
    SpaceExhausted,
    TrialEnded,
    TrialProposed,
    TrialReported,
    TrialRetried,
    decode,
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
    except ValidationError:
        return
    assert json.loads(line)["kind"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_is_refused_before_it_is_written(number):
    with pytest.raises(ValidationError):
        TrialReported(time=1.0, trial="t0000", iteration=1, metrics={"loss": number})
