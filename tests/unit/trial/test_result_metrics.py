"""What of a trial's own words reaches the ledger: numbers only, in bounds, and nothing that JSON cannot say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.api.status import METRICS_SHOWN
from luthier.trial.records import TrialEnded, TrialReported, encode
from luthier.trial.result_metrics import numbers_of, printable


class Hostile:
    def __float__(self):
        raise RuntimeError("no")


RESULTS = {
    "numbers": ({"loss": 0.5, "step": 3}, {"loss": 0.5, "step": 3.0}),
    "truth values": ({"ok": True}, {"ok": 1.0}),
    "numpy's numbers": ({"a": np.float32(0.5), "b": np.int64(2), "c": np.array(1.5), "d": np.array([2.5])}, "abcd"),
    "nested ones, by path": ({"val": {"loss": 0.25}}, {"val/loss": 0.25}),
    "no texts, lists or arrays": ({"a": "1.0", "b": [1], "c": np.zeros(3), "d": None, "e": b"1"}, {}),
    "what Ray added": ({"training_iteration": 3, "trial_id": "x", "done": True, "time_total_s": 1.0, "pid": 7}, {}),
    "the config": ({"config": {"x": 1.0}, "config/x": 1.0, "__duplicate__": True}, {}),
    "an integer that no float holds": ({"a": 10**400, "b": -(10**400)}, {"a": math.inf, "b": -math.inf}),
    "an object that does not want to be a number": ({"a": Hostile(), "b": 1.0}, {"b": 1.0}),
    "a complex number": ({"a": 1j, "b": 1.0}, {"b": 1.0}),
    "names that are no text": ({1: 2.0, (1, 2): 3.0, None: 4.0}, {"1": 2.0, "(1, 2)": 3.0, "None": 4.0}),
    "a long name": ({"n" * 100: 1.0}, {"n" * 63: 1.0}),
    "names that are no text, nested": ({1: {2: 3.0}}, {"1/2": 3.0}),
    "no nesting without end": ({"a": {"a": {"a": {"a": {"a": {"a": 1.0}}}}}, "b": 1.0}, {"b": 1.0}),
    "half a character": ({"\ud800": 1.0}, {"?": 1.0}),
}


@pytest.mark.parametrize(("result", "expected"), RESULTS.values(), ids=RESULTS)
def test_of_a_result_count(result, expected):
    found = numbers_of(result, ["loss"])
    assert set(found) == set(expected) if isinstance(expected, str) else found == expected


def test_objectives_come_first_and_the_others_are_bounded_in_number():
    result = {f"m{number:03d}": 1.0 for number in range(1000)} | {"zz": 2.0}
    found = numbers_of(result, ["zz", "absent"])
    assert len(found) == METRICS_SHOWN
    assert next(iter(found)) == "zz"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=8) | st.integers(), values, max_size=5))
def test_no_result_is_too_strange(result):
    finite = {name: value for name, value in numbers_of(result, ["loss"]).items() if math.isfinite(value)}
    assert encode(TrialReported(time=1.0, trial="t0000", iteration=1, metrics=finite))


def test_a_message_with_half_characters_can_be_recorded():
    message = printable("x \udcff y")
    assert encode(TrialEnded(time=1.0, trial="t0000", ending="Failed", cause="Exception", message=message))
