"""Numbers in pictures, as Grafana would say them."""

from __future__ import annotations

import pytest

from draw_dashboards import named, spoken


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.255, "percentunit", "25.5 %"),
        (0.004, "s", "4 ms"),
        (42, "s", "42 s"),
        (90, "dtdurations", "1.5 min"),
        (7200, "s", "2 h"),
        (0, "s", "0 s"),
        (25e-6, "s", "25 µs"),
        (2048, "bytes", "2 KiB"),
        (2_500_000, "decbytes", "2.5 MB"),
        (0.97989, "short", "0.9799"),
    ],
)
def test_a_value_is_said_in_its_unit(value: float, unit: str, text: str) -> None:
    assert spoken(value, unit) == text


def test_a_legend_has_its_labels_filled_in() -> None:
    assert named("{{namespace}}/{{experiment}} {{absent}}", {"namespace": "ml", "experiment": "a"}) == "ml/a "
