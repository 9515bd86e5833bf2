"""Which events follow from a change of status."""

from __future__ import annotations

import pytest

from luthier.api.status import StatusCondition
from luthier.operator.manifests.event import event
from luthier.operator.story import tell
from support.operator_builders import IDENTITY, NOW, a_condition, a_status

NOTHING: list[StatusCondition] = []


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        pytest.param(NOTHING, [a_condition("Accepted")], ["Accepted"], id="accepted"),
        pytest.param(NOTHING, [a_condition("Accepted", "False", "Invalid")], ["Rejected"], id="rejected"),
        pytest.param([a_condition("Running", "False")], [a_condition("Running")], ["Started"], id="started"),
        pytest.param(
            [a_condition("Running")], [a_condition("Running", "False", "DriverLost")], ["DriverLost"], id="driver lost"
        ),
        pytest.param(
            [a_condition("Stalled", "False")], [a_condition("Stalled", reason="ImagePull")], ["Stalled"], id="stalled"
        ),
        pytest.param(
            [a_condition("Stalled", reason="ImagePull")],
            [a_condition("Stalled", reason="QuotaExceeded")],
            ["Stalled"],
            id="stalled by something else",
        ),
        pytest.param([a_condition("Stalled")], [a_condition("Stalled", "False", "Ok")], [], id="no longer stalled"),
        pytest.param([a_condition("Suspended")], [a_condition("Suspended", "False")], ["Resumed"], id="resumed"),
        pytest.param(NOTHING, [a_condition("Suspended", "False")], [], id="not suspended from the start"),
        pytest.param(NOTHING, [a_condition("Succeeded")], ["Succeeded"], id="succeeded"),
        pytest.param(NOTHING, [a_condition("Failed")], ["Failed"], id="failed"),
        pytest.param([a_condition("Running")], [a_condition("Running")], [], id="nothing new"),
    ],
)
def test_what_is_told(before: list[StatusCondition], after: list[StatusCondition], reasons: list[str]) -> None:
    assert [happening.reason for happening in tell(a_status(*before), a_status(*after))] == reasons


def test_an_event_said_twice_has_one_name() -> None:
    first, again = (event(IDENTITY, "Started", "it runs", warning=False, time=NOW) for _ in range(2))
    other = event(IDENTITY, "Started", "it runs again", warning=False, time=NOW)
    assert first["metadata"]["name"] == again["metadata"]["name"] != other["metadata"]["name"]
