"""How many workers there are, and which of them go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from luthier.operator.contact import WISHES_SECONDS, Contact, Wish
from luthier.operator.decide import decide
from luthier.operator.observation import Observation, PodState
from luthier.operator.plan import DeletePod
from luthier.operator.project import project
from luthier.operator.scaling import desired_workers
from support.operator_builders import (
    NOW,
    a_driver,
    a_report,
    a_started_status,
    a_worker,
    a_worker_that_ended,
    ago,
    an_observation,
    in_,
)

LONG_AGO = ago(WISHES_SECONDS + 1)
FOUR: dict[str, Any] = {"budget": {"trials": 8, "parallelTrials": 4}}
WORKERS = tuple(a_worker(index) for index in range(4))
NAMES = [worker.name for worker in WORKERS]


def wishing(*wishes: tuple[datetime, int], idle: list[str] | None = None, workers: Any = WORKERS, **spec: Any) -> Any:
    seen = an_observation(a_driver(), *workers, previous=a_started_status(), **{**FOUR, **spec})
    report = a_report(wanted_workers=wishes[-1][1], idle_workers=idle or [])
    contact = Contact(attempt=1, report=report, wishes=tuple(Wish(since, number) for since, number in wishes))
    return replace(seen, contact=contact)


def doings(seen: Observation, now: datetime = NOW) -> list[str]:
    return [str(action) for action in decide(seen, now).actions]


def test_it_grows_at_once_to_what_is_wanted() -> None:
    seen = wishing((LONG_AGO, 1), (ago(0.1), 3), workers=WORKERS[:1])
    assert doings(seen) == [f"create Pod {name}" for name in NAMES[1:3]]


def test_it_never_grows_beyond_the_spec() -> None:
    assert desired_workers(wishing((LONG_AGO, 9)), NOW) == 4


def test_a_wish_for_less_counts_when_it_has_lasted() -> None:
    seen = wishing((LONG_AGO, 4), (ago(5), 2), idle=NAMES[1:])
    assert doings(seen) == []
    due = decide(seen, NOW).look_again
    assert due == in_(WISHES_SECONDS - 5)
    assert doings(seen, due) == [f"delete Pod {NAMES[3]}", f"delete Pod {NAMES[2]}"]


def test_a_dip_between_two_trials_ends_nobody() -> None:
    assert desired_workers(wishing((LONG_AGO, 4), (ago(5), 1), (ago(4), 4), (ago(1), 1)), NOW) == 4


def test_a_worker_that_holds_a_trial_stays_until_it_holds_none() -> None:
    assert doings(wishing((LONG_AGO, 1), idle=NAMES[:1])) == [f"delete Pod {NAMES[0]}"]
    assert doings(wishing((LONG_AGO, 1), idle=[])) == []


def test_pods_that_do_not_run_yet_go_first() -> None:
    workers = (*WORKERS[:3], a_worker(3, PodState.PENDING))
    assert doings(wishing((LONG_AGO, 3), idle=NAMES[:1], workers=workers)) == [f"delete Pod {NAMES[3]}"]


def test_never_below_the_minimum() -> None:
    spec = an_observation(a_driver(), *WORKERS, previous=a_started_status(), workers={"min": 3}, **FOUR)
    contact = Contact(attempt=1, report=a_report(wanted_workers=0, idle_workers=NAMES), wishes=(Wish(LONG_AGO, 0),))
    assert doings(replace(spec, contact=contact)) == [f"delete Pod {NAMES[3]}"]


def test_none_are_kept_where_no_trial_waits() -> None:
    assert len(doings(wishing((LONG_AGO, 0), idle=NAMES))) == 4


def test_the_first_word_of_a_driver_ends_nobody_at_once() -> None:
    assert desired_workers(wishing((ago(1), 1)), NOW) == 4


def test_a_lowered_budget_ends_idle_workers_only() -> None:
    lowered = {"budget": {"trials": 8, "parallelTrials": 2}}
    assert doings(wishing((LONG_AGO, 2), idle=NAMES[1:2], **lowered)) == [f"delete Pod {NAMES[1]}"]


def test_a_worker_that_ended_is_not_replaced_where_nobody_wants_it() -> None:
    lost = a_worker_that_ended(1, seconds_ago=1, ran_seconds=600)
    known = wishing((LONG_AGO, 1), workers=(WORKERS[0], lost))
    assert [doing for doing in doings(known) if not doing.startswith("tell")] == [f"delete Pod {NAMES[1]}"]
    assert doings(replace(known, workers=WORKERS[:1])) == []


def test_a_restarted_operator_keeps_what_status_says_until_the_driver_speaks() -> None:
    before = a_started_status()
    before = before.model_copy(update={"workers": before.workers.model_copy(update={"desired": 1})})
    silent = an_observation(a_driver(), WORKERS[0], previous=before, **FOUR)
    assert (doings(silent), desired_workers(silent, NOW)) == ([], 1)
    spoken = replace(silent, contact=wishing((ago(1), 1)).contact)
    assert desired_workers(spoken, NOW) == 1


def test_a_pod_that_hears_no_signal_gets_no_grace() -> None:
    frozen = WORKERS[3]
    seen = an_observation(a_driver(), *WORKERS, report=a_report(lost_workers=[frozen.uid]), **FOUR)
    assert DeletePod(frozen.name, frozen.uid, grace_seconds=0) in decide(seen, NOW).actions


def test_status_says_how_many_are_desired() -> None:
    seen = wishing((LONG_AGO, 2))
    status = project(seen, decide(seen, NOW), NOW)
    assert (status.workers.desired, status.workers.ready) == (2, 4)


def test_a_contact_keeps_what_held_lately_and_no_more() -> None:
    contact = Contact(attempt=1)
    for seconds, wanted in ((60, 4), (50, 3), (10, 2), (5, 2), (1, 1)):
        contact = contact.having_heard(a_report(wanted_workers=wanted), ago(seconds))
    assert contact.wishes == (Wish(ago(50), 3), Wish(ago(10), 2), Wish(ago(1), 1))
    assert contact.having_heard(None, NOW).wishes == contact.wishes
    assert contact.having_heard(a_report(wanted_workers=None), NOW).wishes == ()
