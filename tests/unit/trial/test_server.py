"""The driver's window over real HTTP: who may look, how one waits, and that nobody can break it."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from luthier.api.experiment import Budget, DriverMetrics
from luthier.api.status import Population, TrialCounts, TrialResult, Usage
from luthier.api.wire import Outcome, Phase, Report, decode
from luthier.trial.inbox import SMALL_BYTES
from luthier.trial.server import ProgressServer

TOKEN = "the-token"
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def window():
    server = ProgressServer(0, TOKEN, "127.0.0.1")
    yield server
    server.close()


@contextmanager
def connected(window):
    connection = HTTPConnection("127.0.0.1", window.port, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def get(window, path, headers=ALLOWED):
    with connected(window) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def put(window, body, path="/budget", headers=ALLOWED):
    with connected(window) as connection:
        connection.request("PUT", path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def said_raw(window, request):
    """Return all that the server answers to bytes that no client library would send, until it closes."""
    with socket.create_connection(("127.0.0.1", window.port), timeout=10) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def a_request(line, authorization, *headers):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", f"Authorization: {authorization}", *headers, "", ""]).encode()


def running(sequence, **more):
    return Report(sequence=sequence, phase=Phase.RUNNING, **more)


def finished(sequence):
    outcome = Outcome(succeeded=True, reason="TrialsDone", message="all 3 trials ended")
    return Report(sequence=sequence, phase=Phase.FINISHED, outcome=outcome)


def test_the_newest_report_is_read_with_the_token(window):
    window.publish(running(3))
    window.publish(running(5))

    status, body = get(window, "/progress")

    assert status == 200
    assert decode(body).sequence == 5


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer ", "Bearer the-tokem", TOKEN, "Basic dGhlLXRva2Vu", "Bearer th\xe9"]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_nobody_reads_or_edits_without_the_token(window, authorization, method):
    headers = {} if authorization is None else {"Authorization": authorization}
    with connected(window) as connection:
        connection.request(method, "/progress" if method == "GET" else "/budget", body=None, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 401
        assert b"token" in answer.read()


def test_health_and_metrics_are_for_everyone(window):
    assert get(window, "/healthz", {}) == (200, b"ok\n")
    assert get(window, "/metrics", {})[0] == 200
    assert get(window, "/elsewhere", {})[0] == 404


def test_a_reader_that_has_the_newest_waits_and_is_told_that_nothing_changed(window):
    window.publish(running(10))
    start = time.monotonic()

    status, body = get(window, "/progress?after=10&wait=0.3")

    assert (status, body) == (304, b"")
    assert time.monotonic() - start >= 0.3


def test_a_reader_that_waits_is_told_at_once_when_something_changes(window):
    window.publish(running(20))
    threading.Timer(0.2, window.publish, [running(21)]).start()
    start = time.monotonic()

    status, body = get(window, "/progress?after=20&wait=25")

    assert (status, decode(body).sequence) == (200, 21)
    assert time.monotonic() - start < 5


def test_one_connection_asks_again_and_again(window):
    window.publish(running(30))
    with connected(window) as connection:
        for after, expected in ((29, 200), (30, 304), (30, 304), (0, 200)):
            connection.request("GET", f"/progress?after={after}", headers=ALLOWED)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected


def test_asking_beyond_the_finished_report_says_that_it_was_read():
    window = ProgressServer(0, TOKEN, "127.0.0.1")
    window.publish(running(1))
    get(window, "/progress?after=1")
    window.publish(finished(2))

    assert get(window, "/progress?after=1")[0] == 200
    assert not window.wait_until_seen(0)
    assert get(window, "/progress?after=2&wait=30")[0] == 304
    assert window.wait_until_seen(0)
    window.close()


def test_an_edited_budget_is_passed_on(window):
    taken = []
    window.take_budgets(lambda generation, budget: taken.append((generation, budget)))

    assert put(window, json.dumps({"generation": 4, "budget": {"trials": 7, "parallelTrials": 2}})) == (204, "")
    assert taken == [(4, Budget(trials=7, parallel_trials=2))]


def test_a_budget_that_comes_before_anyone_can_take_it_is_refused_for_now():
    window = ProgressServer(0, TOKEN, "127.0.0.1")
    assert put(window, '{"generation": 1, "budget": {}}') == (400, "not ready for a budget yet")
    window.close()


BAD_BUDGETS = {
    "nothing": "",
    "no json": "{",
    "a list": "[]",
    "a number": "5",
    "null": "null",
    "no generation": '{"budget": {}}',
    "no budget": '{"generation": 1}',
    "a generation beyond all numbers": '{"generation": Infinity, "budget": {}}',
    "a generation that is none": '{"generation": NaN, "budget": {}}',
    "a trial count out of bounds": '{"generation": 1, "budget": {"trials": 0}}',
    "an unknown field": '{"generation": 1, "budget": {"trails": 3}}',
    "a budget that is a list": '{"generation": 1, "budget": [1]}',
    "too deep": "[" * (SMALL_BYTES - 1),
    "no UTF-8": b"\xff\xfe\xfa",
}


@pytest.mark.parametrize("body", BAD_BUDGETS.values(), ids=BAD_BUDGETS)
def test_a_bad_budget_is_refused_with_what_is_wrong_and_changes_nothing(window, body):
    taken = []
    window.take_budgets(lambda generation, budget: taken.append(budget))

    status, problem = put(window, body)

    assert status == 400
    assert problem.startswith("no budget: ")
    assert taken == []


def test_an_oversized_budget_is_refused_unread(window):
    assert put(window, " " * (SMALL_BYTES + 1))[0] == 413
    assert put(window, "", path="/elsewhere")[0] == 404


@pytest.mark.parametrize("length", ["-1", "garbage", "1e3", "٣", "", "0x10", "+5", "9" * 400])
def test_a_length_that_is_none_gets_an_answer_and_no_endless_read(window, length):
    request = (
        f"PUT /budget HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n{{}}"
    )
    answer = said_raw(window, request.encode())
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", "Bearer guessed"])
def test_the_body_of_a_refused_request_is_never_taken_for_a_request(window, authorization):
    inner = f"GET /progress HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    outer = (
        f"PUT /elsewhere HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: {len(inner)}\r\n\r\n"
    )
    answer = said_raw(window, (outer + inner).encode())
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "-5", "", "x", "9" * 400, "0x1", "1_000", "%00"])
@pytest.mark.parametrize("query", ["wait=0&after=", "after=-1&wait="])
def test_a_number_that_is_none_gets_an_answer(window, query, value):
    window.publish(running(40))
    assert get(window, f"/progress?{query}{value}")[0] in (200, 304)


@pytest.mark.parametrize("target", ["http://[", "//[/x", "*", "?", "/progress#x", "/" + "x" * 60_000])
def test_a_target_that_is_none_is_no_page(window, target):
    assert said_raw(window, a_request(f"GET {target}", f"Bearer {TOKEN}")).startswith(b"HTTP/1.1 404")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="&=;%+?#/.0123456789abcdefinwt-", max_size=60))
def test_no_query_is_too_strange(window, query):
    window.publish(running(41))
    assert get(window, f"/progress?after=-1&{query}")[0] in (200, 304)


def test_many_fields_are_no_burden(window):
    assert get(window, "/progress?" + "&".join(f"f{number}=1" for number in range(5000)))[0] == 200


def test_the_metrics_page_says_what_the_report_says(window):
    best = TrialResult(trial="t0001", iteration=3, metrics={'a "quoted\\ name\n': 0.25, "loss": 1e-9})
    window.publish(
        running(
            50,
            attempt=2,
            trials=TrialCounts(total=9, running=2, failed=1),
            best=best,
            usage=Usage(trial_seconds=12.5, gpu_seconds=6.25),
            population=Population(exploits=4),
            failure_counts={"OutOfMemory": 3},
        )
    )
    _, page = get(window, "/metrics", {})

    samples = {
        (sample.name, *(value for name, value in sample.labels.items() if name != "experiment")): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }
    assert samples["luthier_driver_trials", "running"] == 2
    assert samples["luthier_driver_trials", "failed"] == 1
    assert samples["luthier_driver_best", "loss"] == 1e-9
    assert samples["luthier_driver_best", 'a "quoted\\ name\n'] == 0.25
    assert samples["luthier_driver_gpu_seconds_total",] == 6.25
    assert samples["luthier_driver_trial_seconds_total",] == 12.5
    assert samples["luthier_driver_exploits_total",] == 4
    assert samples["luthier_driver_failures_total", "OutOfMemory"] == 3
    assert samples["luthier_driver_attempt",] == 2


def test_a_driver_that_is_to_show_no_metrics_has_no_such_page():
    window = ProgressServer(0, TOKEN, "127.0.0.1")
    window.page.begin("digits", DriverMetrics.NONE)
    assert get(window, "/metrics", {}) == (404, b"`spec.driver.metrics` is None\n")
    window.close()


def test_the_metrics_page_is_there_before_the_first_report():
    window = ProgressServer(0, TOKEN, "127.0.0.1")
    assert get(window, "/metrics", {})[0] == 200
    assert get(window, "/progress")[0] == 304
    window.close()
