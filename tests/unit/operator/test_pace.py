"""How soon a new status is written."""

from __future__ import annotations

from typing import Any

import pytest

from luthier.api.status import Activity, Progress, TrialCounts, Usage
from luthier.operator.pace import COST_SECONDS, PROGRESS_SECONDS, due
from support.operator_builders import NOW, a_condition, a_started_status, in_

BEFORE = a_started_status(trials=TrialCounts(total=8, running=2, pending=6), state="Running")
STALLED = a_condition("Stalled", reason="ImagePull")
OTHERWISE_RUNNING = a_condition("Running", reason="SearchRunning").model_copy(update={"message": "3 of 8 trials"})
AT_ONCE = None
SOON = in_(PROGRESS_SECONDS)
SELDOM = in_(COST_SECONDS)


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        pytest.param({"conditions": [*BEFORE.conditions, STALLED]}, AT_ONCE, id="a condition turns"),
        pytest.param({"state": "Suspended"}, AT_ONCE, id="the state changes"),
        pytest.param({"observed_generation": 2}, AT_ONCE, id="the spec was edited"),
        pytest.param({"attempt": 2}, AT_ONCE, id="a new driver"),
        pytest.param({"completion_time": NOW}, AT_ONCE, id="the end"),
        pytest.param({"trials": TrialCounts(total=8, succeeded=1, pending=7)}, SOON, id="a trial ends"),
        pytest.param({"best_value": "0.9", "usage": Usage(gpu_seconds=9)}, SOON, id="a better trial"),
        pytest.param({"conditions": [OTHERWISE_RUNNING]}, SOON, id="other words for the same turn"),
        pytest.param({"usage": Usage(gpu_seconds=9), "gpu_hours": "0.01"}, SELDOM, id="it cost more"),
        pytest.param({"activity": Activity(explores=3), "last_result_time": NOW}, SELDOM, id="one more result"),
        pytest.param({"eta": "4m", "progress": Progress(eta_seconds=240)}, SELDOM, id="less time is left"),
    ],
)
def test_when_a_change_is_written(change: dict[str, Any], moment: Any) -> None:
    assert due(BEFORE, BEFORE.model_copy(update=change), NOW) == moment


def test_the_first_status_of_an_operator_is_written_at_once() -> None:
    assert due(BEFORE, BEFORE.model_copy(update={"best_value": "1"}), None) is None
