"""What counts as a metric in a line that any program may have printed."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luthier.trial.metric_lines import MAX_LINE, parse_metrics

LINES = {
    "a pair": ("loss=0.5", {"loss": 0.5}),
    "spaces around the sign": ("loss = 0.5", {"loss": 0.5}),
    "several pairs": ("epoch=3 loss=0.5, acc=.9; lr=1e-4", {"epoch": 3, "loss": 0.5, "acc": 0.9, "lr": 1e-4}),
    "words around": ("[info] step done loss=0.25 in 3s", {"loss": 0.25}),
    "signs": ("a=-1 b=+2 c=-1.5e+3", {"a": -1, "b": 2, "c": -1500}),
    "names with slashes, dots and dashes": ("val/acc=0.9 top.5=1 a-b=2", {"val/acc": 0.9, "top.5": 1, "a-b": 2}),
    "a trailing dot": ("a=1.", {"a": 1.0}),
    "the last of two says it": ("a=1 a=2", {"a": 2}),
    "not finite": ("a=inf b=-Infinity", {"a": math.inf, "b": -math.inf}),
    "a unit is no number": ("took=3s size=10MB", {}),
    "a version is no number": ("version=1.2.3", {}),
    "a path is no number": ("path=/data/1", {}),
    "hexadecimal is no number": ("at=0x1f", {}),
    "other scripts' digits are no number": ("a=١٢", {}),
    "a comparison is no pair": ("a==1 b>=2", {}),
    "no value": ("loss= ", {}),
    "an empty line": ("", {}),
    "only spaces": (" \t ", {}),
    "json": ('{"loss": 0.5, "epoch": 3}', {"loss": 0.5, "epoch": 3}),
    "json with other things": ('{"loss": 0.5, "name": "x", "ok": true, "no": null, "deep": {"a": 1}}', {"loss": 0.5}),
    "json with NaN": ('{"loss": Infinity}', {"loss": math.inf}),
    "json of another kind": ("[1, 2]", {}),
    "broken json": ('{"loss": 0.5', {}),
    "an empty object": ("{}", {}),
    "an integer that no float holds": ('{"a": 1%s, "b": -1}' % ("0" * 400), {"a": math.inf, "b": -1}),
    "an integer that Python refuses to read": ('{"a": 1' + "0" * 5000 + "}", {}),
    "json too deep to read": ('{"a":' * 9000, {}),
    "a line over the limit": ("loss=1 " + "x" * MAX_LINE, {}),
}


@pytest.mark.parametrize(("line", "metrics"), LINES.values(), ids=LINES)
def test_metrics_of_a_line(line, metrics):
    assert parse_metrics(line) == metrics


def test_a_value_that_is_no_number_is_reported_as_that():
    assert math.isnan(parse_metrics("loss=nan")["loss"])
    assert math.isnan(parse_metrics('{"loss": NaN}')["loss"])


@settings(max_examples=150)
@given(st.text() | st.text(alphabet='{}[]",:=0123456789.eE+-naif \t') | st.from_regex(r"\{.*\}"))
@example('{"\\ud800": 1}')
@example("=" * 1000)
def test_no_line_is_too_strange(line):
    metrics = parse_metrics(line)
    assert all(isinstance(value, float) and len(name) <= 63 for name, value in metrics.items())


@pytest.mark.parametrize(
    "line",
    [
        "a=" + "1" * (MAX_LINE - 3) + "x",
        "a=1." + "1" * (MAX_LINE - 9) + "x",
        "a=" + " " * (MAX_LINE - 3) + "x",
        "a" + " " * (MAX_LINE - 3) + "x",
        "a" * (MAX_LINE - 1),
        "a " * (MAX_LINE // 2),
        "a=1e" * (MAX_LINE // 4),
        "[" * (MAX_LINE - 1),
    ],
    ids=["digits", "decimals", "spaces after", "spaces before", "a long word", "words", "halves of pairs", "brackets"],
)
def test_a_long_hostile_line_costs_no_more_than_its_length(line):
    start = time.perf_counter()
    parse_metrics(line)
    assert time.perf_counter() - start < 1.0
