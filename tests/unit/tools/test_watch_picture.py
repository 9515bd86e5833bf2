"""The picture of the live view shows what a terminal shows, and needs no network."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from luthier.api.catalogue import SchedulerKind
from picture_watch import drawn, moment_of
from support.builders import a_double
from support.stories import a_played_study, the_experiment


def test_the_picture_has_the_view_of_that_moment_and_asks_nobody_for_anything() -> None:
    told = a_played_study(SchedulerKind.PBT, a_double())
    half = told.records[: len(told.records) // 2]
    snapshot = moment_of(the_experiment(told), half)
    assert snapshot.state == "Running"
    picture = drawn(snapshot, "luthier watch told")
    words = " ".join("".join(ET.fromstring(picture).itertext()).split())
    for shown in ("luthier watch told", "Running", *(row.trial for row in snapshot.rows[:3])):
        assert shown in words
    assert re.findall(r"https?://[^\"']*", picture) == ["http://www.w3.org/2000/svg"]
