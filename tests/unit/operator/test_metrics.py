"""Series of experiments, made from what the cache knows."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from luthier.api.status import Activity, RungCount, Status, Usage
from luthier.api.wire import Phase
from luthier.operator.arrivals import Arrived, News, look
from luthier.operator.metrics import OperatorCollector
from luthier.operator.observation import PodState
from luthier.operator.queue import WorkQueue
from support.operator_builders import NOW, a_condition, a_driver, a_report, a_status, ago, an_observation
from support.operator_series import CREATED, a_body, a_full_status, a_page, cached, samples_of

MOST_SERIES = 140
"""Of one experiment: every cause of failure twice, sixteen rungs twice, and some forty others."""


def test_every_figure_of_a_status_is_a_series() -> None:
    budget = {"trials": 8, "parallelTrials": 2, "durationSeconds": 3600, "gpuHours": 8}
    found = samples_of(a_page(cached(a_body(a_full_status(), budget=budget))).render())
    expected = {
        ("luthier_experiment_state", "Stalled"): 1,
        ("luthier_experiment_stalled", "ImagePull"): 1,
        ("luthier_experiment_created_timestamp_seconds",): CREATED,
        ("luthier_last_result_timestamp_seconds",): NOW.timestamp() - 5,
        ("luthier_last_improvement_timestamp_seconds",): NOW.timestamp() - 65,
        ("luthier_trials", "running"): 2,
        ("luthier_best_objective", "Maximize", "accuracy"): 0.9712345,
        ("luthier_progress_ratio",): 0.37,
        ("luthier_eta_seconds",): 260,
        ("luthier_budget_used_ratio", "trials"): 0.5,
        ("luthier_budget_used_ratio", "duration"): 0.5,
        ("luthier_budget_used_ratio", "gpu_hours"): 0.25,
        ("luthier_gpu_seconds_total",): 7200,
        ("luthier_trial_seconds_total",): 100,
        ("luthier_gpu_seconds_wasted_total", "EarlyStopped"): 10,
        ("luthier_trial_seconds_wasted_total", "Exploited"): 11,
        ("luthier_trial_seconds_wasted_total", "Disrupted"): 13,
        ("luthier_exploits_total",): 7,
        ("luthier_explores_total",): 6,
        ("luthier_rung_promotions_total", "4"): 3,
        ("luthier_rung_stops_total", "8"): 3,
        ("luthier_checkpoints_total",): 9,
        ("luthier_checkpoint_bytes_total",): 4096,
        ("luthier_checkpoint_seconds_total",): 1.5,
        ("luthier_checkpoint_failures_total",): 1,
        ("luthier_retries_total", "OutOfMemory"): 1,
        ("luthier_experiment_failures_total", "CudaOutOfMemory"): 2,
        ("luthier_workers", "wanted"): 4,
        ("luthier_workers", "ready"): 3,
        ("luthier_driver_restarts_total",): 1,
    }
    assert {series: found.get(series) for series in expected} == expected


def test_what_is_not_known_has_no_series() -> None:
    found = {name for name, *_ in samples_of(a_page(cached(a_body(Status(), scheduler={"asha": {}}))).render())}
    assert not found & {
        "luthier_experiment_stalled",
        "luthier_last_result_timestamp_seconds",
        "luthier_last_improvement_timestamp_seconds",
        "luthier_best_objective",
        "luthier_eta_seconds",
        "luthier_exploits_total",
        "luthier_checkpoints_total",
    }
    assert samples_of(a_page(cached(a_body(Status()))).render())["luthier_experiment_state", "Pending"] == 1


def test_experiments_are_counted_by_state_even_where_there_are_none() -> None:
    stalled, fresh = a_body(a_full_status()), a_body(Status(), name="other", uid="uid-2")
    page = a_page(cached(stalled, fresh)).render()
    assert b'luthier_experiments{state="Stalled"} 1.0' in page
    assert b'luthier_experiments{state="Pending"} 1.0' in page
    assert b'luthier_experiments{state="Running"} 0.0' in a_page(cached()).render()


def test_only_the_present_state_has_a_series() -> None:
    found = samples_of(a_page(cached(a_body(a_full_status(state="Succeeded")))).render())
    assert [series for series in found if series[0] == "luthier_experiment_state"] == [
        ("luthier_experiment_state", "Succeeded")
    ]


def test_what_no_longer_stalls_has_no_series() -> None:
    goes_on = a_status(a_condition("Stalled", "False", "Progressing"), state="Running")
    found = samples_of(a_page(cached(a_body(goes_on))).render())
    assert "luthier_experiment_stalled" not in {name for name, *_ in found}


def test_a_living_driver_is_heard_where_status_follows_later() -> None:
    report = a_report(uid="uid-1", attempt=2, usage=Usage(gpu_seconds=9999), last_result_time=ago(1))
    found = samples_of(a_page(cached(a_body(a_full_status())), report).render())
    assert found["luthier_last_result_timestamp_seconds",] == NOW.timestamp() - 1
    assert found["luthier_gpu_seconds_total",] < 9999, "an operator that begins anew could only show what is in status"


@pytest.mark.parametrize(
    "report",
    [a_report(Phase.STARTING, uid="uid-1", attempt=2), a_report(uid="uid-1", attempt=1)],
    ids=["starting", "of an older attempt"],
)
def test_a_driver_that_knows_less_is_not_heard(report: object) -> None:
    found = samples_of(a_page(cached(a_body(a_full_status())), report).render())  # type: ignore[arg-type]
    assert found["luthier_trial_seconds_total",] == 100


def test_series_follow_each_change_and_end_with_their_experiment() -> None:
    cache = cached(a_body(a_full_status()), a_body(a_full_status(), name="other", uid="uid-2"))
    page = a_page(cache)
    assert samples_of(page.render())["luthier_driver_restarts_total",] == 1
    cache.keep_experiment(a_body(a_full_status(restarts=5), version=2))
    assert samples_of(page.render())["luthier_driver_restarts_total",] == 5
    cache.drop_experiment(a_body(a_full_status()))
    assert samples_of(page.render()) == {}
    assert samples_of(page.render(), "other") != {}


def test_a_standby_tells_of_no_experiment() -> None:
    cache, registry = cached(a_body(a_full_status())), CollectorRegistry()
    registry.register(OperatorCollector(lambda: False))
    page = generate_latest(registry) + a_page(cache, leads=False).render()
    assert b"luthier_operator_leader 0.0" in page
    assert b"luthier_experiment" not in page


def test_no_name_can_write_a_line_of_its_own() -> None:
    evil = 'x"} 1\n# HELP luthier_trials\nluthier_trials 7\u2028# HELP '
    body = a_body(a_full_status(failure_counts={evil: 3}), name="bad")
    found = samples_of(a_page(cached(a_body(a_full_status()), body)).render(), "bad")
    assert found["luthier_experiment_failures_total", evil] == 3
    assert found["luthier_trials", "running"] == 2


def test_a_rung_that_a_driver_names_twice_is_one_series() -> None:
    rungs = [RungCount(iterations=3, promoted=1), RungCount(iterations=3, promoted=2)]
    page = a_page(cached(a_body(a_full_status(activity=Activity(rungs=rungs))))).render().decode()
    assert page.count("luthier_rung_promotions_total{") == 1


def test_the_series_of_an_experiment_are_bounded() -> None:
    lines = a_page(cached(a_body(a_full_status()))).render().splitlines()
    series = [line for line in lines if not line.startswith(b"#")]
    assert len(series) <= MOST_SERIES
    assert len(series) > MOST_SERIES / 2, "the status is as full as it can be"


# ---------------------------------------------------------------------- arrivals


def test_a_driver_s_wait_and_its_first_result_count_once() -> None:
    arrived = Arrived()
    created = ago(200)
    assert look(an_observation(), arrived, created) == News()
    waiting = an_observation(a_driver(PodState.PENDING, created=ago(150)))
    assert look(waiting, arrived, created) == News()
    pod = a_driver(created=ago(150), started=ago(140))
    assert look(an_observation(pod), arrived, created) == News(wait_seconds=60)
    first = an_observation(pod, report=a_report(last_result_time=ago(100)))
    assert look(first, arrived, created) == News(startup_seconds=50)
    later = an_observation(pod, report=a_report(last_result_time=ago(10), sequence=11))
    assert look(later, arrived, created) == News()


def test_a_second_driver_waits_from_its_own_pod_on_and_older_results_are_not_its_own() -> None:
    arrived = Arrived(driver=1, result=1)
    pod = a_driver(attempt=2, created=ago(50), started=ago(47))
    old = a_report(attempt=2, last_result_time=ago(60))
    assert look(an_observation(pod, report=old), arrived, ago(900)) == News(wait_seconds=3)
    new = a_report(attempt=2, last_result_time=ago(30))
    assert look(an_observation(pod, report=new), arrived, ago(900)) == News(startup_seconds=20)


def test_what_had_arrived_before_the_operator_came_is_not_counted_again() -> None:
    arrived = Arrived()
    seen = an_observation(a_driver(), report=a_report())
    assert look(seen, arrived, NOW - timedelta(hours=1)) == News()
    assert look(seen, arrived, NOW - timedelta(hours=1)) == News()


def test_a_result_that_status_knows_of_is_not_counted_when_the_driver_is_heard_again() -> None:
    arrived = Arrived()
    silent = an_observation(a_driver(), previous=a_status(last_result_time=ago(9)))
    assert look(silent, arrived, NOW - timedelta(hours=1)) == News()
    assert look(an_observation(a_driver(), report=a_report()), arrived, NOW - timedelta(hours=1)) == News()


def test_a_queue_tells_how_long_a_key_has_waited_for_a_worker() -> None:
    async def wait() -> list[float]:
        lags: list[float] = []
        queue: WorkQueue[str] = WorkQueue(count_lag=lags.append)
        queue.add("early")
        queue.set_open(True)
        assert await queue.take() == "early"
        queue.done("early")
        return lags

    (lag,) = asyncio.run(wait())
    assert 0 <= lag < 1, "while the queue was shut no worker was missing"
