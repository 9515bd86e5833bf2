"""What each situation leads to: the table of the operator's decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luthier.api.wire import Phase, Problem
from luthier.operator.conditions import ConditionType, Ruling
from luthier.operator.decide import decide
from luthier.operator.observation import Observation, PodState, Presence
from luthier.operator.plan import PushBudget
from luthier.operator.verdict import Decision
from support.operator_builders import (
    EVERYTHING_IS_THERE,
    NOTHING_IS_THERE,
    NOW,
    a_condition,
    a_driver,
    a_driver_that_ended,
    a_refusal,
    a_report,
    a_started_status,
    a_status,
    a_worker,
    a_worker_that_ended,
    ago,
    an_observation,
    an_outcome,
    in_,
    trouble,
)

BOTH_WORKERS = (a_worker(0), a_worker(1))
STALLED = ConditionType.STALLED
FULL = Problem(reason="StorageFull", message="no room for a checkpoint")
STUCK_WORKER = a_worker(0, PodState.PENDING, trouble=trouble("ImagePull"))


def ruling(decision: Decision, type_: ConditionType) -> Ruling:
    return next(ruling for ruling in decision.rulings if ruling.type is type_)


def doings(seen: Observation) -> list[str]:
    return [str(action) for action in decide(seen, NOW).actions]


DOINGS: dict[str, tuple[Observation, list[str]]] = {
    "a new experiment gets its surroundings first, then a driver, then workers": (
        an_observation(things=NOTHING_IS_THERE),
        [
            "create Secret digits-12345",
            "create Service digits-12345",
            "create PersistentVolumeClaim digits-12345",
            "create Pod digits-12345-driver-1",
            "create Pod digits-12345-worker-1-0",
            "create Pod digits-12345-worker-1-1",
        ],
    ),
    "what keeps strangers out comes before the pods that they could reach": (
        an_observation(things=replace(EVERYTHING_IS_THERE, policy=Presence.MISSING)),
        [
            "create NetworkPolicy digits-12345",
            "create Pod digits-12345-driver-1",
            "create Pod digits-12345-worker-1-0",
            "create Pod digits-12345-worker-1-1",
        ],
    ),
    "a named claim is not made": (
        an_observation(a_driver(), *BOTH_WORKERS, storage={"claimName": "shared"}),
        [],
    ),
    "a running experiment is left alone": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(), previous=a_started_status()),
        [],
    ),
    "trials run in the driver where there are no workers": (
        an_observation(workers={"max": 0}),
        ["create Pod digits-12345-driver-1"],
    ),
    "no more workers than the maximum": (
        an_observation(a_driver(), workers={"max": 1}),
        ["create Pod digits-12345-worker-1-0"],
    ),
    "a missing worker is created": (
        an_observation(a_driver(), a_worker(1)),
        ["create Pod digits-12345-worker-1-0"],
    ),
    "a worker that nobody needs any more is deleted": (
        an_observation(a_driver(), *BOTH_WORKERS, a_worker(2)),
        ["delete Pod digits-12345-worker-1-2"],
    ),
    "a worker that ended after long work is deleted at once, and created when its name is free": (
        an_observation(a_driver(), a_worker(0), a_worker_that_ended(1, seconds_ago=1, ran_seconds=600)),
        ["delete Pod digits-12345-worker-1-1"],
    ),
    "a worker that Ray has lost though it seems to run goes by force": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(lost_workers=[BOTH_WORKERS[1].uid])),
        [f"delete Pod {BOTH_WORKERS[1].name}"],
    ),
    "a worker that was lost under the name of one that is there": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(lost_workers=["its-predecessor"])),
        [],
    ),
    "a worker that ended right after its start rests first": (
        an_observation(a_driver(), a_worker(0), a_worker_that_ended(1, seconds_ago=1, ran_seconds=2)),
        [],
    ),
    "a leaving worker keeps its name": (
        an_observation(a_driver(), a_worker(0), a_worker(1, PodState.LEAVING)),
        [],
    ),
    "workers of an older attempt go, and so does the older driver": (
        an_observation(
            a_driver_that_ended(1), a_driver(attempt=2), a_worker(0), a_worker(0, attempt=2), a_worker(1, attempt=2)
        ),
        ["delete Pod digits-12345-driver-1", "delete Pod digits-12345-worker-1-0"],
    ),
    "a first lost driver is replaced at once": (
        an_observation(a_driver_that_ended(1), *BOTH_WORKERS, previous=a_started_status()),
        [
            "delete Pod digits-12345-driver-1",
            "create Pod digits-12345-driver-2",
            "delete Pod digits-12345-worker-1-0",
            "delete Pod digits-12345-worker-1-1",
            "create Pod digits-12345-worker-2-0",
            "create Pod digits-12345-worker-2-1",
        ],
    ),
    "a driver lost again rests, and its workers free their GPUs": (
        an_observation(a_driver_that_ended(137, attempt=2), a_worker(0, attempt=2), previous=a_status(restarts=1)),
        ["delete Pod digits-12345-worker-2-0"],
    ),
    "a driver that vanished is replaced": (
        an_observation(previous=a_started_status(attempt=3), workers={"max": 0}),
        ["create Pod digits-12345-driver-4"],
    ),
    "a driver that ran long is replaced at once, however often that happened": (
        an_observation(a_driver_that_ended(1, started=ago(5000)), previous=a_status(restarts=7), workers={"max": 0}),
        ["delete Pod digits-12345-driver-1", "create Pod digits-12345-driver-2"],
    ),
    "a driver that is leaving is waited for": (
        an_observation(a_driver(PodState.LEAVING, gone_by=in_(10)), workers={"max": 0}),
        [],
    ),
    "a driver that should long be gone is replaced, since the storage is fenced": (
        an_observation(a_driver(PodState.LEAVING, gone_by=ago(61)), workers={"max": 0}),
        ["create Pod digits-12345-driver-2"],
    ),
    "a driver that nobody can see is not taken for lost": (
        an_observation(a_driver(PodState.UNSEEN, ready=False), *BOTH_WORKERS),
        [],
    ),
    "a fenced driver of the newest attempt counts as lost": (
        an_observation(a_driver_that_ended(75), workers={"max": 0}),
        ["delete Pod digits-12345-driver-1", "create Pod digits-12345-driver-2"],
    ),
    "an exit without outcome counts as lost, even with code 0": (
        an_observation(a_driver_that_ended(0), workers={"max": 0}),
        ["delete Pod digits-12345-driver-1", "create Pod digits-12345-driver-2"],
    ),
    "an outcome ends nothing before it is in status": (
        an_observation(a_driver_that_ended(0), a_worker(0), last_words=a_report(Phase.FINISHED, outcome=an_outcome())),
        [],
    ),
    "an outcome that is in status ends the workers and keeps the driver's pod": (
        an_observation(a_driver_that_ended(0), a_worker(0), previous=a_status(a_condition("Succeeded"), attempt=1)),
        ["delete Pod digits-12345-worker-1-0"],
    ),
    "a bad experiment is not tried again": (
        an_observation(a_driver_that_ended(64, message="no module named train"), a_worker(0)),
        [],
    ),
    "a finished report is not acknowledged before its outcome is in status": (
        an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=an_outcome())),
        [],
    ),
    "a finished report is acknowledged once its outcome is in status": (
        an_observation(
            a_driver(),
            report=a_report(Phase.FINISHED, outcome=an_outcome()),
            previous=a_status(a_condition("Succeeded"), attempt=1),
        ),
        ["acknowledge report 10"],
    ),
    "suspension stops driver and workers": (
        an_observation(a_driver(), *BOTH_WORKERS, suspend=True),
        [
            "delete Pod digits-12345-driver-1",
            "delete Pod digits-12345-worker-1-0",
            "delete Pod digits-12345-worker-1-1",
        ],
    ),
    "a suspended experiment asks for nothing": (
        an_observation(suspend=True, things=NOTHING_IS_THERE),
        [],
    ),
    "a refused create is not tried again before its time": (
        an_observation(a_driver(), refusals=(a_refusal("digits-12345-worker-1-0"),)),
        [],
    ),
    "a refused create is tried again when its time has come": (
        an_observation(a_driver(), a_worker(0), refusals=(a_refusal("digits-12345-worker-1-1", retry_in=0),)),
        ["create Pod digits-12345-worker-1-1"],
    ),
    "no pods without the ConfigMap with the code": (
        an_observation(
            things=replace(EVERYTHING_IS_THERE, source=Presence.MISSING),
            trial={"function": "train:train", "source": {"configMap": "code"}},
        ),
        [],
    ),
    "no pods without the named claim": (
        an_observation(
            things=replace(EVERYTHING_IS_THERE, claim=Presence.MISSING, claim_phase=None),
            storage={"claimName": "shared"},
        ),
        [],
    ),
    "what could not be seen is not created": (
        an_observation(a_driver(), *BOTH_WORKERS, things=replace(EVERYTHING_IS_THERE, service=Presence.UNSEEN)),
        [],
    ),
    "a deleted experiment is left to garbage collection": (
        an_observation(is_deleted=True, things=NOTHING_IS_THERE),
        [],
    ),
    "an ended experiment is deleted when its time is over": (
        an_observation(
            previous=a_status(a_condition("Succeeded"), completion_time=ago(60)), ttlSecondsAfterFinished=60
        ),
        ["delete experiment digits"],
    ),
    "an ended experiment stays until then": (
        an_observation(
            previous=a_status(a_condition("Succeeded"), completion_time=ago(59)), ttlSecondsAfterFinished=60
        ),
        [],
    ),
}


@pytest.mark.parametrize(("seen", "expected"), DOINGS.values(), ids=DOINGS.keys())
def test_what_is_done(seen: Observation, expected: list[str]) -> None:
    assert doings(seen) == expected


PENDING_DRIVER = a_driver(PodState.PENDING, ready=False, ip=None)

STALLS: dict[str, tuple[Observation, str | None]] = {
    "nothing stands in the way": (an_observation(a_driver(), *BOTH_WORKERS, report=a_report()), None),
    "an unschedulable driver": (
        an_observation(replace(PENDING_DRIVER, trouble=trouble("Unschedulable"))),
        "Unschedulable",
    ),
    "a driver that is unschedulable only since a moment ago": (
        an_observation(replace(PENDING_DRIVER, created=ago(2), trouble=trouble("Unschedulable", seconds_ago=2))),
        None,
    ),
    "unschedulable workers, none running": (
        an_observation(a_driver(), a_worker(0, PodState.PENDING, trouble=trouble("Unschedulable")), report=a_report()),
        "Unschedulable",
    ),
    "an unschedulable worker while another one runs": (
        an_observation(
            a_driver(), a_worker(0), a_worker(1, PodState.PENDING, trouble=trouble("Unschedulable")), report=a_report()
        ),
        None,
    ),
    "an image that cannot be pulled": (
        an_observation(replace(PENDING_DRIVER, trouble=trouble("ImagePull"))),
        "ImagePull",
    ),
    "a claim that nobody binds": (
        an_observation(PENDING_DRIVER, things=replace(EVERYTHING_IS_THERE, claim_phase="Pending")),
        "ClaimPending",
    ),
    "a refused driver": (an_observation(refusals=(a_refusal("digits-12345-driver-1"),)), "QuotaExceeded"),
    "refused workers, none running": (
        an_observation(a_driver(), refusals=(a_refusal("digits-12345-worker-1-0", "Forbidden"),), report=a_report()),
        "Forbidden",
    ),
    "a refused worker while another one runs": (
        an_observation(a_driver(), a_worker(0), refusals=(a_refusal("digits-12345-worker-1-1"),), report=a_report()),
        None,
    ),
    "a refused Secret": (an_observation(refusals=(a_refusal("digits-12345", "Forbidden"),)), "Forbidden"),
    "a name that is taken": (
        an_observation(things=replace(EVERYTHING_IS_THERE, service=Presence.FOREIGN)),
        "NameTaken",
    ),
    "a NetworkPolicy that would let in whom somebody else says": (
        an_observation(things=replace(EVERYTHING_IS_THERE, policy=Presence.FOREIGN)),
        "NameTaken",
    ),
    "a driver that crashes again and again": (
        an_observation(a_driver_that_ended(1, attempt=3), previous=a_status(restarts=2)),
        "DriverCrashLoop",
    ),
    "workers that crash": (
        an_observation(
            a_driver(),
            a_worker_that_ended(0, seconds_ago=1, ran_seconds=1),
            a_worker_that_ended(1, seconds_ago=1, ran_seconds=1),
        ),
        "WorkerCrash",
    ),
    "a ready driver that does not answer": (
        an_observation(a_driver(), *BOTH_WORKERS, unreachable_for=31),
        "DriverUnreachable",
    ),
    "a driver that has not answered for a moment": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(), unreachable_for=5),
        None,
    ),
    "no result for the whole timeout": (
        an_observation(
            a_driver(started=ago(900)),
            *BOTH_WORKERS,
            report=a_report(last_result_time=ago(601)),
        ),
        "NoResult",
    ),
    "no first result for the whole timeout": (
        an_observation(a_driver(started=ago(601)), *BOTH_WORKERS, report=a_report(last_result_time=None)),
        "NoResult",
    ),
    "a result from before a suspension does not count against the new driver": (
        an_observation(a_driver(started=ago(10)), *BOTH_WORKERS, report=a_report(last_result_time=ago(9000))),
        None,
    ),
    "an objective that is never reported": (
        an_observation(
            a_driver(), *BOTH_WORKERS, report=a_report(missing_metric="accuracy", metrics_seen=["acc", "loss"])
        ),
        "MetricMissing",
    ),
    "workers that run and never join": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(Phase.STARTING, running=0, wanted_workers=2)),
        "WorkersNotJoined",
    ),
    "workers that have just come up": (
        an_observation(
            a_driver(), a_worker(0, started=ago(20)), report=a_report(Phase.STARTING, running=0, wanted_workers=2)
        ),
        None,
    ),
    "workers that the driver knows and has nothing for": (
        an_observation(
            a_driver(), *BOTH_WORKERS, report=a_report(running=0, wanted_workers=2, idle_workers=[BOTH_WORKERS[0].name])
        ),
        None,
    ),
    "what the driver itself says keeps it from going on": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(problem=FULL)),
        "StorageFull",
    ),
    "what its pods tell is nearer to the cause than the driver's own words": (
        an_observation(a_driver(), STUCK_WORKER, report=a_report(problem=FULL)),
        "ImagePull",
    ),
    "a reason that a pod made up": (
        an_observation(a_driver(), *BOTH_WORKERS, report=a_report(problem=Problem(reason="a b/c", message=""))),
        "DriverProblem",
    ),
    "what a driver that ran had said stands after the operator's own restart": (
        an_observation(
            a_driver(),
            *BOTH_WORKERS,
            previous=a_status(a_condition("Stalled", reason="StorageFull"), a_condition("Running"), attempt=1),
        ),
        "StorageFull",
    ),
    "what only the driver can take back stands after the operator's own restart": (
        an_observation(
            a_driver(), *BOTH_WORKERS, previous=a_status(a_condition("Stalled", reason="NoResult"), attempt=1)
        ),
        "NoResult",
    ),
    "other stalls do not": (
        an_observation(
            a_driver(), *BOTH_WORKERS, previous=a_status(a_condition("Stalled", reason="Unschedulable"), attempt=1)
        ),
        None,
    ),
    "a missing ConfigMap": (
        an_observation(
            things=replace(EVERYTHING_IS_THERE, source=Presence.MISSING),
            trial={"function": "train:train", "source": {"configMap": "code"}},
        ),
        "ConfigMapNotFound",
    ),
    "a missing claim": (
        an_observation(things=replace(EVERYTHING_IS_THERE, claim=Presence.MISSING), storage={"claimName": "shared"}),
        "ClaimNotFound",
    ),
    "a suspended experiment is not stalled": (
        an_observation(suspend=True, refusals=(a_refusal("digits-12345-driver-1"),)),
        None,
    ),
}


def test_a_crashed_drivers_last_words_stand_in_the_condition() -> None:
    crashed = a_driver_that_ended(1, attempt=3, message="OSError: [Errno 28] No space left on device\nmore")

    stalled = ruling(decide(an_observation(crashed, previous=a_status(restarts=2)), NOW), STALLED)

    assert "exit code 1 (Error): OSError: [Errno 28] No space left on device;" in stalled.message


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("StorageNotWritable", "user 1000 may not write to /storage"),
        ("NewerLedger", "'merged' is no kind of record that this version knows"),
    ],
)
def test_a_driver_that_knows_what_is_to_be_mended_gives_the_condition_its_reason(reason: str, words: str) -> None:
    crashed = a_driver_that_ended(1, attempt=3, message=f"{reason}: {words}")

    stalled = ruling(decide(an_observation(crashed, previous=a_status(restarts=2)), NOW), STALLED)

    assert (stalled.reason, words in stalled.message) == (reason, True)


@pytest.mark.parametrize(("seen", "reason"), STALLS.values(), ids=STALLS.keys())
def test_why_it_is_stalled(seen: Observation, reason: str | None) -> None:
    said = ruling(decide(seen, NOW), STALLED)
    assert (said.reason if said.status else None) == reason


RUNNING: dict[str, tuple[Observation, bool, str]] = {
    "before anything is there": (an_observation(), False, "DriverCreated"),
    "while the driver waits for a node": (an_observation(PENDING_DRIVER), False, "DriverPending"),
    "while the driver has not said a word": (an_observation(a_driver()), False, "DriverStarting"),
    "while the driver starts": (an_observation(a_driver(), report=a_report(Phase.STARTING)), False, "DriverStarting"),
    "while trials run": (an_observation(a_driver(), *BOTH_WORKERS, report=a_report()), True, "SearchRunning"),
    "right after the operator's own restart": (
        an_observation(a_driver(), *BOTH_WORKERS, previous=a_started_status()),
        True,
        "SearchRunning",
    ),
    "after a new driver took over": (
        an_observation(a_driver(attempt=2), previous=a_started_status()),
        False,
        "DriverStarting",
    ),
    "when the driver is lost": (an_observation(a_driver_that_ended(1)), False, "DriverLost"),
    "when suspended": (an_observation(a_driver(), suspend=True), False, "Suspended"),
    "when resumed": (
        an_observation(previous=a_status(a_condition("Suspended"), attempt=1)),
        False,
        "Resuming",
    ),
    "when ended": (
        an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=an_outcome())),
        False,
        "Finished",
    ),
}


@pytest.mark.parametrize(("seen", "status", "reason"), RUNNING.values(), ids=RUNNING.keys())
def test_whether_it_runs(seen: Observation, status: bool, reason: str) -> None:
    said = ruling(decide(seen, NOW), ConditionType.RUNNING)
    assert (said.status, said.reason) == (status, reason)


def test_every_condition_is_always_said() -> None:
    for seen, _ in [*DOINGS.values(), *STALLS.values()]:
        assert [ruling.type for ruling in decide(seen, NOW).rulings] == list(ConditionType)


@pytest.mark.parametrize(("succeeded", "type_"), [(True, ConditionType.SUCCEEDED), (False, ConditionType.FAILED)])
def test_the_outcomes_own_words_go_into_the_condition(succeeded: bool, type_: ConditionType) -> None:
    outcome = an_outcome("TooManyFailures", succeeded=succeeded)
    seen = an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=outcome))
    assert ruling(decide(seen, NOW), type_) == Ruling(type_, True, outcome.reason, outcome.message)


def test_an_outcome_that_stands_in_status_is_not_taken_back_by_a_suspension() -> None:
    seen = an_observation(previous=a_status(a_condition("Succeeded", reason="TrialsDone"), attempt=1), suspend=True)
    decision = decide(seen, NOW)
    assert ruling(decision, ConditionType.SUCCEEDED).reason == "TrialsDone"
    assert not ruling(decision, ConditionType.SUSPENDED).status


def test_a_reason_that_a_pod_made_up_does_not_reach_the_condition() -> None:
    seen = an_observation(a_driver(), report=a_report(Phase.FINISHED, outcome=an_outcome("a b/c")))
    assert ruling(decide(seen, NOW), ConditionType.SUCCEEDED).reason == "Finished"


def test_a_bad_experiment_fails_with_the_drivers_words() -> None:
    seen = an_observation(a_driver_that_ended(64, message="no module named train"))
    said = ruling(decide(seen, NOW), ConditionType.FAILED)
    assert (said.status, said.reason, said.message) == (True, "BadExperiment", "no module named train")


def test_a_resumed_driver_is_no_restart_and_a_lost_one_is() -> None:
    resumed = decide(an_observation(previous=a_status(a_condition("Suspended"), attempt=1, restarts=4)), NOW)
    lost = decide(an_observation(a_driver_that_ended(1)), NOW)
    assert [_restarts(decision) for decision in (resumed, lost)] == ["4", "1"]


def test_a_resume_that_was_refused_is_still_a_resume() -> None:
    seen = an_observation(previous=a_status(a_condition("Running", "False", "Resuming"), attempt=1, restarts=4))
    assert _restarts(decide(seen, NOW)) == "4"


def test_a_driver_that_stops_after_a_quick_resume_is_no_loss() -> None:
    leaving = a_driver(PodState.LEAVING, gone_by=in_(10))
    seen = an_observation(leaving, previous=a_status(a_condition("Suspended"), attempt=1))
    assert ruling(decide(seen, NOW), ConditionType.RUNNING).reason == "Resuming"


@pytest.mark.parametrize(("restarts", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (50, 300)])
def test_the_rest_between_drivers_doubles_up_to_five_minutes(restarts: int, seconds: int) -> None:
    ended = a_driver_that_ended(1, seconds_ago=1, attempt=restarts + 1)
    decision = decide(an_observation(ended, previous=a_status(restarts=restarts)), NOW)
    assert decision.look_again == in_(seconds - 1)


def test_a_changed_budget_is_pushed_until_the_driver_works_with_it() -> None:
    running = (a_driver(), *BOTH_WORKERS)
    behind = an_observation(*running, report=a_report(generation=1), generation=2)
    assert decide(behind, NOW).actions == (PushBudget(2, behind.spec.budget),)
    assert decide(an_observation(*running, report=a_report(generation=2), generation=2), NOW).actions == ()


def test_a_spec_that_cannot_work_is_refused_and_creates_nothing() -> None:
    seen = replace(an_observation(things=NOTHING_IS_THERE), experiment=None, problems=("spec.x: bad", "spec.y: worse"))
    decision = decide(seen, NOW)
    assert decision.actions == ()
    assert ruling(decision, ConditionType.ACCEPTED) == Ruling(
        ConditionType.ACCEPTED, False, "Invalid", "spec.x: bad; spec.y: worse"
    )


def test_the_missing_metric_is_named_with_those_that_came() -> None:
    report = a_report(missing_metric="accuracy", metrics_seen=["acc", "loss"])
    said = ruling(decide(an_observation(a_driver(), *BOTH_WORKERS, report=report), NOW), STALLED)
    assert said.message == "results come without the objective 'accuracy'; they carry acc, loss"


def test_a_report_of_another_attempt_decides_nothing() -> None:
    report = a_report(Phase.FINISHED, attempt=1, outcome=an_outcome())
    seen = an_observation(a_driver(attempt=2), a_worker(0, attempt=2), a_worker(1, attempt=2), report=report)
    assert not ruling(decide(seen, NOW), ConditionType.SUCCEEDED).status


def test_a_decision_knows_when_to_look_again() -> None:
    ttl = an_observation(previous=a_status(a_condition("Failed"), completion_time=ago(50)), ttlSecondsAfterFinished=60)
    silence = an_observation(a_driver(), *BOTH_WORKERS, report=a_report(last_result_time=ago(50)))
    assert (decide(ttl, NOW).look_again, decide(silence, NOW).look_again) == (in_(10), in_(550))


def test_the_nearest_of_several_moments_is_the_next_look() -> None:
    young = replace(PENDING_DRIVER, created=ago(1))
    pending_claim = replace(EVERYTHING_IS_THERE, claim_phase="Pending")
    plain = an_observation(young, things=pending_claim)
    troubled = an_observation(replace(young, trouble=trouble("ImagePull", seconds_ago=1)), things=pending_claim)
    assert (decide(plain, NOW).look_again, decide(troubled, NOW).look_again) == (in_(14), in_(4))


def _restarts(decision: Decision) -> str:
    (driver,) = [a for a in decision.actions if "driver" in str(a) and str(a).startswith("create")]
    return str(driver.manifest["metadata"]["annotations"]["luthier.dev/restarts"])  # type: ignore[union-attr]
