"""Which events follow from a change of status."""

from __future__ import annotations

import pytest

from luthier.api.status import StatusCondition
from luthier.operator.manifests.event import event
from luthier.operator.story import failures_since, tell
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
        pytest.param(
            [a_condition("Stalled")], [a_condition("Stalled", "False", "Ok")], ["Recovered"], id="no longer stalled"
        ),
        pytest.param([a_condition("Suspended")], [a_condition("Suspended", "False")], ["Resumed"], id="resumed"),
        pytest.param(NOTHING, [a_condition("Suspended", "False")], [], id="not suspended from the start"),
        pytest.param(NOTHING, [a_condition("Succeeded")], ["Succeeded"], id="succeeded"),
        pytest.param(NOTHING, [a_condition("Failed")], ["Failed"], id="failed"),
        pytest.param(
            [a_condition("Succeeded")], [a_condition("Succeeded", "False", "BudgetRaised")], ["Reopened"], id="reopened"
        ),
        pytest.param([a_condition("Running")], [a_condition("Running")], [], id="nothing new"),
    ],
)
def test_what_is_told(before: list[StatusCondition], after: list[StatusCondition], reasons: list[str]) -> None:
    assert [happening.reason for happening in tell(a_status(*before), a_status(*after))] == reasons


def test_an_event_said_twice_has_one_name() -> None:
    first, again = (event(IDENTITY, "Started", "it runs", warning=False, time=NOW) for _ in range(2))
    other = event(IDENTITY, "Started", "it runs again", warning=False, time=NOW)
    assert first["metadata"]["name"] == again["metadata"]["name"] != other["metadata"]["name"]


FAILED = {"trials": {"total": 8, "failed": 3}, "failures": [{"trial": "t3", "cause": "OutOfMemory", "message": "gone"}]}


def test_failed_trials_are_told_with_the_last_one_s_error() -> None:
    status = a_status().model_validate(FAILED)
    one, all_of_them, none = (failures_since(told, status) for told in (2, 0, 3))
    assert one == "t3 failed: OutOfMemory: gone"
    assert all_of_them == "3 trials failed, the last one t3: OutOfMemory: gone"
    assert none is None


def test_of_a_long_error_the_end_is_told() -> None:
    failure = {"trial": "t3", "cause": "Exception", "message": "x" * 1000 + " ValueError: 7"}
    told = failures_since(0, a_status().model_validate(FAILED | {"failures": [failure]}))
    assert told is not None
    assert event(IDENTITY, "TrialFailed", told, warning=True, time=NOW)["message"].endswith("ValueError: 7")


def test_what_it_has_recovered_from_is_named() -> None:
    before, after = a_condition("Stalled", reason="ImagePull"), a_condition("Stalled", "False", "Progressing")
    (told,) = tell(a_status(before), a_status(after))
    assert (told.message, told.is_warning) == ("no longer ImagePull", False)


@pytest.mark.parametrize("reason", ["Finished", "Suspended"])
def test_an_end_or_a_suspension_is_no_recovery(reason: str) -> None:
    assert tell(a_status(a_condition("Stalled")), a_status(a_condition("Stalled", "False", reason))) == []


@pytest.mark.parametrize(
    ("type_", "reason", "told"),
    [
        ("Succeeded", "TrialsDone", ["BudgetReached", "Succeeded"]),
        ("Succeeded", "GpuHoursReached", ["BudgetReached", "Succeeded"]),
        ("Succeeded", "TargetReached", ["Succeeded"]),
        ("Failed", "TooManyFailures", ["BudgetReached", "Failed"]),
        ("Failed", "BadExperiment", ["Failed"]),
    ],
)
def test_an_end_by_the_budget_says_so(type_: str, reason: str, told: list[str]) -> None:
    before, after = a_condition(type_, "False", "NotFinished"), a_condition(type_, reason=reason)
    assert [happening.reason for happening in tell(a_status(before), a_status(after))] == told
