from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from luthier.cli.get import COLUMNS, row
from luthier.cli.tables import print_table
from unit.cli.builders import as_object, condition, status

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def columns(age=timedelta(minutes=5), *conditions, **more):
    obj = as_object(status(*(conditions or [condition("Running")])))
    obj["metadata"] |= {"creationTimestamp": CREATED.isoformat()}
    obj["status"] |= more
    return dict(zip(COLUMNS, map(str, row(obj, now=lambda: CREATED + age)), strict=True))


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=42), "42s"), (timedelta(minutes=119), "1h"), (timedelta(hours=47), "1d"),
        (timedelta(seconds=-3), "0s"),
    ],
)  # fmt: skip
def test_an_age_is_as_kubectl_writes_it(age, said):
    assert columns(age)["AGE"] == said


def test_only_what_does_not_go_well_has_a_reason():
    assert columns()["WHY"] == ""
    stalled = columns(timedelta(), condition("Stalled", reason="ImagePull"))
    assert (stalled["STATE"], stalled["WHY"]) == ("Stalled", "ImagePull")


def test_in_a_pipe_a_table_is_aligned_lines_without_empty_columns_and_nothing_is_cut():
    console = Console(width=20, record=True, file=StringIO())
    print_table(console, ("NAME", "WHY", "BEST"), [("a-name-longer-than-the-log-is-wide", "", "1"), ("b", "", "2")])
    lines = console.export_text().splitlines()
    assert lines == [
        "NAME                                 BEST",
        "a-name-longer-than-the-log-is-wide   1",
        "b                                    2",
    ]
