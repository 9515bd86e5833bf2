"""Why it is where it is, from what the cluster says, on one page."""

from io import StringIO

import pytest
from rich.console import Console

from luthier.cli.explain import page
from luthier.cli.explanation import EVENTS_SHOWN, explain_snapshot, why_stuck
from luthier.cli.snapshot import of_object, of_report
from unit.cli.builders import as_object, condition, ended, experiment, status


def snapshot_of(*conditions):
    return of_object(as_object(status(*conditions)))


def printed(found):
    console = Console(width=100, file=(out := StringIO()), highlight=False)
    console.print(page(found), soft_wrap=True)
    return out.getvalue()


def an_event(reason, message="it happened", about="digits", second=0, **more):
    return {
        "metadata": {},
        "involvedObject": {"name": about},
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-01-01T00:00:{second:02}Z",
        **more,
    }


def a_pod(state=None, phase="Pending", **status):
    containers = [{"state": state}] if state else []
    return {
        "metadata": {"name": "digits-worker"},
        "status": {"phase": phase, "containerStatuses": containers, **status},
    }


STALLED = condition("Stalled", reason="ImagePull", message="pod digits-worker: image nowhere/x is not found")


def test_a_stall_is_told_with_its_cause_its_pods_and_what_to_do():
    waiting = a_pod({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image nowhere/x"}})
    text = printed(explain_snapshot(snapshot_of(STALLED), "digits -n team", [waiting], has_log=True))
    assert "digits is Stalled" in text
    assert "ImagePull: pod digits-worker: image nowhere/x is not found" in text
    assert "Check trial.image and the pull secret" in text
    assert "digits-worker: ImagePullBackOff: Back-off pulling image nowhere/x" in text
    assert "luthier logs digits -n team" in text


def test_a_failure_shows_the_last_errors_of_trials_and_where_all_are():
    failed = condition("Failed", reason="TooManyFailures", message="4 trials failed and the budget tolerates 3")
    text = printed(explain_snapshot(snapshot_of(failed), "digits"))
    assert "t0006  Exception" in text
    assert "ValueError: bad width" in text
    assert "luthier trials digits --state failed" in text
    assert "budget.failedTrials" in text


def test_events_are_told_in_the_order_of_time_and_only_the_last():
    events = [an_event(f"Turn{second}", second=second) for second in reversed(range(20))]
    events.append(an_event("Pulled", about="digits-worker", second=30, count=3, type="Warning"))
    found = explain_snapshot(snapshot_of(condition("Running")), "digits", events=events)
    assert [each.what for each in found.happenings][-2:] == ["Turn19", "digits-worker Pulled"]
    assert len(found.happenings) == EVENTS_SHOWN
    assert "00:00:30  digits-worker Pulled  it happened (x3)" in printed(found)


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        pytest.param(a_pod({"running": {}}, "Running"), "", id="runs"),
        pytest.param(a_pod({"terminated": {"exitCode": 0}}, "Succeeded"), "", id="ended well"),
        pytest.param(
            a_pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, "Failed"),
            "digits-worker: OOMKilled (exit code 137)",
            id="killed",
        ),
        pytest.param(
            a_pod(conditions=[{"type": "Bound", "status": "False", "reason": "Unschedulable", "message": "no gpu"}]),
            "digits-worker: Unschedulable: no gpu",
            id="no node",
        ),
        pytest.param(
            a_pod(None, "Failed", reason="Evicted", message="low on memory\nmore"),
            "digits-worker: Evicted: low on memory",
            id="evicted",
        ),
    ],
)  # fmt: skip
def test_why_a_pod_does_not_run(pod, said):
    assert why_stuck(pod) == said


def test_a_local_run_is_explained_by_its_report():
    found = explain_snapshot(of_report(experiment(), ended()), "luthier-results/digits-1")
    assert "luthier best luthier-results/digits-1" in printed(found)
    assert found.to_json()["reason"] == "TrialsDone"
