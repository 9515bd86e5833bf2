"""A reader pod is deleted however the command ends that made it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes import client

from luthier.cli.archives import Gone
from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.interrupts import Interrupted, all_signals_alike, held_back
from luthier.cli.reader_life import a_reader

EXPERIMENT = {
    "metadata": {"name": "digits", "namespace": "team", "uid": "12345678-aaaa"},
    "spec": {"trial": {"image": "example/trial:1"}},
}
SECRET: dict[str, dict[str, str]] = {"metadata": {}}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Pods:
    """An API server that has pods; a test may want something to happen while it is asked for one."""

    def __init__(self) -> None:
        self.living: set[str] = set()
        self.phase = "Running"
        self.while_creating: Callable[[], None] = lambda: None
        self.refuses = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        configuration = client.Configuration(host=f"http://127.0.0.1:{self._server.server_port}")
        self.core = client.CoreV1Api(client.ApiClient(configuration))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(pods) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if pods.refuses:
                    self.reply(403, {"kind": "Status", "message": "no pods for you"})
                    return
                pods.living.add(pod["metadata"]["name"])
                pods.while_creating()
                self.reply(201, pod)

            def do_GET(self) -> None:
                self.reply(200, {"metadata": {}, "status": {"phase": pods.phase}})

            def do_DELETE(self) -> None:
                name = self.path.split("?")[0].rsplit("/", 1)[-1]
                was_there = name in pods.living
                pods.living.discard(name)
                self.reply(200 if was_there else 404, {"kind": "Status"})

            def reply(self, status: int, body: object) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def a_shell_that_ignores_nothing() -> Iterator[None]:
    """Signals as a terminal's command finds them; in the background some are ignored from the start."""
    handlers: dict[signal.Signals, Any] = dict.fromkeys(SIGNALS, signal.SIG_DFL)
    handlers[signal.SIGINT] = signal.default_int_handler
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def pods() -> Iterator[Pods]:
    pods = Pods()
    yield pods
    pods.close()


def reader(pods: Pods, is_wanted: Callable[[], bool] = lambda: True):
    return a_reader(pods.core, EXPERIMENT, None, SECRET, is_wanted)


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


def test_it_is_there_while_it_is_used_and_gone_afterwards(pods):
    with reader(pods) as name:
        assert pods.living == {name}
    assert not pods.living


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_while_it_is_made_leaves_none_behind(pods, number):
    pods.while_creating = lambda: ask(number)
    with pytest.raises(KeyboardInterrupt), all_signals_alike(), reader(pods):
        pytest.fail("the signal was not heard")
    assert not pods.living


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_while_it_is_used_leaves_none_behind(pods, number):
    with pytest.raises(KeyboardInterrupt), all_signals_alike(), reader(pods):
        ask(number)
    assert not pods.living


def test_one_that_ended_at_once_is_said_and_deleted(pods):
    pods.phase = "Failed"
    with pytest.raises(Refusal, match="ended: Failed"), reader(pods):
        pytest.fail("it does not run")
    assert not pods.living


def test_one_for_which_nobody_waits_any_more_is_deleted(pods):
    pods.phase = "Pending"
    with pytest.raises(Gone), reader(pods, lambda: False):
        pytest.fail("it does not run")
    assert not pods.living


def test_who_may_make_none_is_told(pods):
    pods.refuses = True
    with pytest.raises(Refusal, match="no pods for you"), reader(pods):
        pytest.fail("there is none")


def test_what_is_held_back_is_done_before_the_signal_counts():
    done = []

    def work() -> None:
        with all_signals_alike(), held_back():
            ask(signal.SIGTERM)
            done.append("all of it")

    with pytest.raises(Interrupted) as caught:
        work()
    assert done
    assert caught.value.number == signal.SIGTERM


def test_outside_of_a_command_signals_are_what_they_were():
    before = [signal.getsignal(number) for number in SIGNALS]
    with all_signals_alike(), held_back():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_a_shell_told_to_take_no_heed_of_its_end_takes_none():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with all_signals_alike(), held_back():
            ask(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_shell_is_told_by_which_signal_a_command_ended(number, code):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - typer's own
        speaks_plainly(lambda: ask(number))()
    assert caught.value.exit_code == code
