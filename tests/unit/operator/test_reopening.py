"""A raised budget takes an end back, whatever dies at whatever moment, and only what asks for more does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from luthier.api.status import EndedBudget, Status
from luthier.api.wire import Phase, Report
from luthier.operator.conditions import ConditionType, find
from luthier.operator.decide import decide
from luthier.operator.observation import Observation, Pod, PodState
from luthier.operator.plan import Create, DeletePod
from luthier.operator.project import project
from luthier.operator.rules.reopening import BUDGET_RAISED
from support.operator_builders import (
    NOW,
    a_best,
    a_condition,
    a_driver,
    a_driver_that_ended,
    a_refusal,
    a_report,
    a_status,
    a_worker,
    ago,
    an_observation,
    an_outcome,
    in_,
    trouble,
)

ENDED_WITH = {"trials": 8, "parallelTrials": 2}
MORE = {"budget": ENDED_WITH | {"trials": 12}}
GOES_ON = ["delete Pod digits-12345-driver-1", "create Pod digits-12345-driver-2"]
THE_DRIVER = a_driver_that_ended(0)


def an_ended_status(condition: str = "Succeeded", **fields: Any) -> Status:
    ended = {"attempt": 1, "start_time": ago(300), "completion_time": ago(60)}
    budget = EndedBudget.model_validate(ENDED_WITH)
    return a_status(a_condition(condition, reason="TrialsDone"), **{**ended, "ended_budget": budget, **fields})


def the_last_words(**facts: Any) -> Report:
    return a_report(Phase.FINISHED, done=8, running=0, outcome=an_outcome(), **facts)


def an_ended_experiment(*pods: Pod, **more: Any) -> Observation:
    defaults: dict[str, Any] = {"previous": an_ended_status(), "last_words": the_last_words(), "workers": {"max": 0}}
    return an_observation(*(pods or (THE_DRIVER,)), **{**defaults, **more})


def doings(seen: Observation) -> list[str]:
    return [str(action) for action in decide(seen, NOW).actions]


def status_of(seen: Observation) -> Status:
    return project(seen, decide(seen, NOW), NOW)


SITUATIONS: dict[str, tuple[Observation, list[str]]] = {
    "an end stays an end": (an_ended_experiment(), []),
    "more trials start the next driver": (an_ended_experiment(**MORE), GOES_ON),
    "so does a removed limit": (
        an_ended_experiment(
            previous=an_ended_status(ended_budget=EndedBudget.model_validate(ENDED_WITH | {"durationSeconds": 9})),
            budget=ENDED_WITH,
        ),
        GOES_ON,
    ),
    "and more tolerated failures after a failure": (
        an_ended_experiment(previous=an_ended_status("Failed"), budget=ENDED_WITH | {"failedTrials": 9}),
        GOES_ON,
    ),
    "more at a time do not": (an_ended_experiment(budget={"trials": 8, "parallelTrials": 8}), []),
    "fewer trials do not": (an_ended_experiment(budget=ENDED_WITH | {"trials": 4}), []),
    "a stop that is taken back": (
        an_ended_experiment(
            previous=an_ended_status(ended_budget=EndedBudget.model_validate(ENDED_WITH | {"stop": True})),
            budget=ENDED_WITH,
        ),
        GOES_ON,
    ),
    "a stop starts nothing": (an_ended_experiment(budget=ENDED_WITH | {"stop": True}), []),
    "a bad experiment stays ended": (
        an_ended_experiment(previous=an_ended_status("Failed", ended_budget=None), **MORE),
        [],
    ),
    "what an older operator ended stays ended": (
        an_ended_experiment(previous=an_ended_status(ended_budget=None), **MORE),
        [],
    ),
    "a driver that has not left yet is sent away": (
        an_ended_experiment(a_driver(), report=the_last_words(), last_words=None, **MORE),
        GOES_ON,
    ),
    "one that is leaving is waited for": (
        an_ended_experiment(a_driver(PodState.LEAVING, gone_by=in_(10)), **MORE),
        [],
    ),
    "one that somebody deleted is not missed": (
        an_observation(previous=an_ended_status(), workers={"max": 0}, **MORE),
        GOES_ON[1:],
    ),
    "what was refused is tried again later": (
        an_ended_experiment(refusals=(a_refusal("digits-12345-driver-2"),), **MORE),
        [],
    ),
    "the time after its end does not run out while it goes on": (
        an_ended_experiment(ttlSecondsAfterFinished=1, **MORE),
        GOES_ON,
    ),
    "nor when the next driver is there already": (
        an_ended_experiment(a_driver(attempt=2), ttlSecondsAfterFinished=1, **MORE),
        [],
    ),
    "suspended at the same time, it waits for the resume": (
        an_ended_experiment(suspend=True, **MORE),
        GOES_ON[:1],
    ),
    "its workers come with the next driver": (
        an_ended_experiment(workers={"max": 1}, **MORE),
        [*GOES_ON, "create Pod digits-12345-worker-2-0"],
    ),
}


@pytest.mark.parametrize(("seen", "expected"), SITUATIONS.values(), ids=SITUATIONS.keys())
def test_what_is_done(seen: Observation, expected: list[str]) -> None:
    assert doings(seen) == expected


def test_status_says_what_was_raised_and_no_longer_that_it_has_ended() -> None:
    status = status_of(an_ended_experiment(**MORE))
    said = find(status, ConditionType.SUCCEEDED)
    assert said is not None
    assert (said.status, said.reason) == ("False", BUDGET_RAISED)
    assert said.message == "the search goes on from its end; budget.trials was 8 and is 12"
    assert (status.completion_time, status.state, status.done) == (None, "Pending", "8/8")


def test_a_limit_that_is_gone_is_said_to_be() -> None:
    timed = EndedBudget.model_validate(ENDED_WITH | {"gpuHours": 0.5})
    said = find(status_of(an_ended_experiment(previous=an_ended_status(ended_budget=timed), **MORE)), "Succeeded")
    assert said is not None
    assert said.message.endswith("budget.trials was 8 and is 12; budget.gpuHours was 0.5 and is without limit")


def test_the_end_says_which_budget_it_was_an_end_for_though_the_manifest_says_more_by_now() -> None:
    worked_with = EndedBudget.model_validate(ENDED_WITH)
    first = status_of(an_ended_experiment(previous=a_status(attempt=1), budget={"trials": 99, "parallelTrials": 2}))
    edited_late = an_ended_experiment(
        previous=a_status(attempt=1), last_words=the_last_words(ended_budget=worked_with), **MORE
    )
    assert first.ended_budget is not None
    assert first.ended_budget.trials == 99, "an older driver does not say; the manifest's is the best guess"
    assert status_of(edited_late).ended_budget == worked_with
    assert doings(replace(edited_late, previous=status_of(edited_late))) == GOES_ON


def test_a_bad_experiment_has_no_budget_that_could_be_raised() -> None:
    bad = an_observation(a_driver_that_ended(64, message="no module named train"), previous=a_status(attempt=1))
    said_so = an_ended_experiment(
        previous=a_status(attempt=1),
        last_words=a_report(Phase.FINISHED, outcome=an_outcome("BadExperiment", succeeded=False)),
    )
    for seen in (bad, said_so):
        assert status_of(seen).state == "Failed"
        assert status_of(seen).ended_budget is None


def test_the_next_end_has_its_own_time_and_budget() -> None:
    again = an_ended_experiment(
        a_driver_that_ended(0, attempt=2),
        last_words=the_last_words(attempt=2, ended_budget=EndedBudget.model_validate(MORE["budget"])),
        **MORE,
    )
    status = status_of(again)
    assert (status.state, status.completion_time) == ("Succeeded", NOW)
    assert status.ended_budget is not None
    assert status.ended_budget.trials == 12
    assert doings(replace(again, previous=status)) == []


def test_going_on_from_an_end_is_no_restart() -> None:
    (create,) = [a for a in decide(an_ended_experiment(**MORE), NOW).actions if isinstance(a, Create)]
    assert create.manifest["metadata"]["annotations"]["luthier.dev/restarts"] == "0"


# ---------------------------------------------------------------------- deaths in between


class Cluster:
    """What survives the operator: status and pods. Rounds may die between any two of their writes."""

    def __init__(self, *pods: Pod, **spec: Any) -> None:
        self.status = an_ended_status()
        self.pods = {pod.name: pod for pod in pods}
        self.spec = spec
        self.created: list[str] = []

    def seen(self) -> Observation:
        attempt = max((pod.attempt for pod in self.pods.values() if pod.role == "driver"), default=0)
        words = the_last_words() if attempt == 1 else None
        return an_observation(*self.pods.values(), previous=self.status, last_words=words, **self.spec)

    def round(self, writes: int = 1000) -> None:
        """Carry out a round, or only the first of its writes; status is the last."""
        seen = self.seen()
        decision = decide(seen, NOW)
        for action in decision.actions[:writes]:
            match action:
                case DeletePod(name):
                    del self.pods[name]
                case Create(manifest):
                    self._create(manifest["metadata"])
        if writes > len(decision.actions):
            self.status = project(seen, decision, NOW)

    def _create(self, metadata: dict[str, Any]) -> None:
        self.created.append(metadata["name"])
        labels = metadata["labels"]
        attempt = int(labels["luthier.dev/attempt"])
        made = a_driver(attempt=attempt) if labels["luthier.dev/role"] == "driver" else a_worker(0, attempt=attempt)
        self.pods[made.name] = made

    def end_state(self) -> tuple[Any, ...]:
        for _ in range(4):
            self.round()
        conditions = {c.type: (c.status, c.reason) for c in self.status.conditions}
        return sorted(self.pods), conditions, self.status.attempt, self.status.completion_time, self.status.ended_budget


STARTS = {"the driver has ended": (THE_DRIVER,), "the driver still waits": (a_driver(),), "the driver is gone": ()}


@pytest.mark.parametrize("pods", STARTS.values(), ids=STARTS.keys())
def test_whichever_writes_the_operator_dies_at_one_driver_goes_on_and_the_end_is_taken_back_once(pods) -> None:
    undisturbed = Cluster(*pods, workers={"max": 1}, **MORE).end_state()
    assert undisturbed[0] == ["digits-12345-driver-2", "digits-12345-worker-2-0"]
    assert undisturbed[2:] == (2, None, None)
    for writes in product(range(6), repeat=3):
        cluster = Cluster(*pods, workers={"max": 1}, **MORE)
        for number in writes:
            cluster.round(number)
        assert cluster.end_state() == undisturbed, writes
        assert sorted(cluster.created) == undisturbed[0], f"{writes}: a twin, or a third attempt"


@pytest.mark.parametrize("budget", [MORE["budget"], ENDED_WITH], ids=["as raised", "lowered again"])
def test_while_the_next_driver_is_refused_the_last_one_does_not_end_the_experiment_again(budget: Any) -> None:
    refused = an_ended_experiment(refusals=(a_refusal("digits-12345-driver-2"),), **MORE)
    taken_back = status_of(refused)
    assert taken_back.completion_time is None
    assert doings(an_ended_experiment(previous=taken_back, budget=budget)) == GOES_ON


def test_what_is_stopped_before_it_began_ends_without_a_driver_and_begins_when_the_stop_is_taken_back() -> None:
    stopped = an_observation(budget=ENDED_WITH | {"stop": True})
    status = status_of(stopped)
    said = find(status, ConditionType.FAILED)
    assert said is not None
    assert (status.state, said.reason) == ("Failed", "Stopped")
    assert doings(stopped) == []
    assert doings(replace(stopped, previous=status)) == []

    begun = an_observation(budget=ENDED_WITH, previous=status, workers={"max": 0})
    assert doings(begun) == ["create Pod digits-12345-driver-1"]
    assert "budget.stop was true and is false" in status_of(begun).conditions[-1].message


def test_a_stop_is_the_drivers_to_carry_out_once_there_was_one() -> None:
    seen = an_observation(a_driver(), budget=ENDED_WITH | {"stop": True}, report=a_report(), workers={"max": 0})
    assert status_of(seen).state == "Running"


STOP = ENDED_WITH | {"stop": True}
STUCK = a_driver(PodState.PENDING, trouble=trouble("ImagePull"))


def held_up(reason: str = "ImagePull", **fields: Any) -> Status:
    """What status says where no driver can run."""
    conditions = a_condition("Stalled", reason=reason), a_condition("Running", "False", "DriverPending")
    return a_status(*conditions, **{"attempt": 1, **fields})


def test_a_driver_that_does_not_come_up_is_not_waited_for_when_it_is_to_stop() -> None:
    stopped = an_observation(STUCK, a_worker(0, PodState.PENDING), previous=held_up(), budget=STOP)
    status = status_of(stopped)
    said = find(status, ConditionType.FAILED)
    assert said is not None
    assert (status.state, said.reason) == ("Failed", "Stopped")
    assert said.message == "stopped by budget.stop while no driver could run (ImagePull: so it is)"
    assert doings(stopped) == [], "not before it is in status"
    ended = replace(stopped, previous=status)
    assert doings(ended) == ["delete Pod digits-12345-worker-1-0", "delete Pod digits-12345-driver-1"]
    assert status_of(ended) == status

    taken_back = an_observation(budget=ENDED_WITH, previous=status, workers={"max": 0})
    assert doings(taken_back) == ["create Pod digits-12345-driver-2"]


def test_what_was_found_before_no_driver_could_run_makes_a_stop_a_success() -> None:
    seen = an_observation(STUCK, previous=held_up(best=a_best()), budget=STOP)
    assert status_of(seen).state == "Succeeded"


def a_stop_while_the_next_driver_is_refused(before: Observation) -> tuple[Observation, Status]:
    """Raise the budget, let the next driver be refused, then stop: return what is seen then, and the status of that."""
    driver = f"digits-12345-driver-{before.attempt + 1}"
    refused = replace(before, refusals=(a_refusal(driver, "ConfigMapNotFound", retry_in=-1),))
    stalled = replace(refused, previous=status_of(refused))
    assert (stalled.previous.state, stalled.previous.stalled) == ("Stalled", "ConfigMapNotFound")
    assert f"create Pod {driver}" in doings(stalled)
    budget = stalled.spec.budget.model_copy(update={"stop": True})
    assert stalled.experiment is not None
    experiment = stalled.experiment.model_copy(update={"spec": stalled.spec.model_copy(update={"budget": budget})})
    stopped = replace(stalled, experiment=experiment)
    return stopped, status_of(stopped)


@pytest.mark.parametrize("pods", [(THE_DRIVER,), ()], ids=["the driver's pod is there", "the driver's pod is gone"])
def test_a_stop_ends_what_was_to_go_on_where_the_next_driver_is_refused(pods: tuple[Pod, ...]) -> None:
    before = an_observation(
        *pods,
        previous=an_ended_status(best=a_best()),
        last_words=the_last_words() if pods else None,
        workers={"max": 0},
        **MORE,
    )
    stopped, status = a_stop_while_the_next_driver_is_refused(before)
    said = find(status, ConditionType.SUCCEEDED)
    assert said is not None
    assert (status.state, said.reason) == ("Succeeded", "Stopped"), "and not the reason of the old end"
    assert said.message.startswith("stopped by budget.stop while no driver could run (ConfigMapNotFound: ")
    assert doings(stopped) == []

    ended = replace(stopped, previous=status)
    assert doings(ended) == []
    assert status_of(ended) == status, "it stays ended"
    assert doings(replace(ended, experiment=before.experiment, refusals=()))[-1] == GOES_ON[-1], (
        "until that is taken back"
    )


def test_a_second_stop_ends_what_never_had_a_driver() -> None:
    first = status_of(an_observation(budget=STOP))
    stopped, status = a_stop_while_the_next_driver_is_refused(an_observation(budget=ENDED_WITH, previous=first))
    said = find(status, ConditionType.FAILED)
    assert said is not None
    assert (status.state, said.reason, said.message) == (
        "Failed",
        "Stopped",
        "stopped by budget.stop before any trial began",
    )
    ended = replace(stopped, previous=status)
    assert doings(ended) == []
    assert status_of(ended) == status


STILL_THE_DRIVERS = {
    "a driver that is merely on its way": an_observation(
        a_driver(PodState.PENDING), previous=a_status(a_condition("Running", "False"), attempt=1), budget=STOP
    ),
    "one that runs, whatever it lacks": an_observation(
        a_driver(), previous=held_up(), budget=STOP, report=a_report(), workers={"max": 0}
    ),
    "one on a node that nobody sees": an_observation(a_driver(PodState.UNSEEN), previous=held_up(), budget=STOP),
    "one that was lost once": an_observation(
        a_driver_that_ended(1), previous=a_status(a_condition("Running"), attempt=1), budget=STOP
    ),
    "the next one": an_observation(a_driver(PodState.PENDING, 2), previous=held_up(), budget=STOP),
}


@pytest.mark.parametrize("seen", STILL_THE_DRIVERS.values(), ids=STILL_THE_DRIVERS.keys())
def test_a_stop_stays_the_drivers_where_it_may_come(seen: Observation) -> None:
    assert status_of(seen).state not in ("Failed", "Succeeded")


def test_a_driver_that_ends_again_and_again_is_not_waited_for() -> None:
    loops = an_observation(a_driver_that_ended(1), previous=held_up("DriverCrashLoop"), budget=STOP)
    assert status_of(loops).state == "Failed"


def test_a_driver_that_comes_up_after_an_end_without_it_is_sent_away() -> None:
    ended = an_ended_status("Failed", ended_budget=EndedBudget.model_validate(STOP))
    late = an_observation(a_driver(), previous=ended, budget=STOP, report=a_report())
    assert doings(late) == ["delete Pod digits-12345-driver-1"]
    waiting = an_observation(a_driver(), previous=ended, budget=STOP, report=the_last_words())
    assert doings(waiting) == ["acknowledge report 10"]


def what_is_done_of_a_silent_driver(seconds: float | None, reason: str = "Stopped") -> tuple[list[str], float | None]:
    """Return it, and in how many seconds it is looked at again, for a driver that has not answered for so long."""
    before = a_status(
        a_condition("Succeeded", "False", reason=reason),
        a_condition("Failed", reason=reason),
        attempt=1,
        ended_budget=EndedBudget.model_validate(STOP),
    )
    seen = an_observation(a_driver(), previous=before, budget=STOP, unreachable_for=seconds)
    again = decide(seen, NOW).look_again
    return doings(seen), None if again is None else (again - NOW).total_seconds()


def test_a_driver_that_comes_up_after_a_stop_without_it_and_is_not_heard_is_sent_away_too() -> None:
    assert what_is_done_of_a_silent_driver(None) == ([], 60), "an operator that has just begun has not tried yet"
    assert what_is_done_of_a_silent_driver(20) == ([], 40)
    assert what_is_done_of_a_silent_driver(60) == (["delete Pod digits-12345-driver-1"], None)
    assert what_is_done_of_a_silent_driver(60, "TrialsDone") == ([], None), "that is the driver's own end"


EXPORTS = [{"name": "tables", "type": "Files"}]


def test_edited_exports_touch_no_pod_while_the_search_runs_and_count_from_the_next_driver_on() -> None:
    running = an_observation(a_driver(), a_worker(0), a_worker(1), report=a_report(), exports=EXPORTS, generation=2)
    assert not [act for act in decide(running, NOW).actions if isinstance(act, Create | DeletePod)]

    lost = an_observation(a_driver_that_ended(1, seconds_ago=600), exports=EXPORTS, generation=2)
    (driver,) = [act.manifest for act in decide(lost, NOW).actions if isinstance(act, Create) and "driver" in act.name]
    assert '"exports":[{"name":"tables"' in driver["metadata"]["annotations"]["luthier.dev/spec"]


def test_edited_exports_do_not_take_an_end_back() -> None:
    seen = an_observation(
        THE_DRIVER, last_words=the_last_words(), previous=an_ended_status(), exports=EXPORTS, budget=ENDED_WITH
    )
    assert not [act for act in decide(seen, NOW).actions if isinstance(act, Create)]
