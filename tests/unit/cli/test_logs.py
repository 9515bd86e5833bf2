"""Lines of pods that come and go."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from luthier.cli.errors import Refusal
from luthier.cli.log_following import Follower, Sight
from luthier.cli.log_lines import BEGIN, LogLine, said, stamped


def at(second: int, text: str, pod: str = "worker-0") -> LogLine:
    return stamped(pod, f"2026-01-01T00:00:{second:02}.000000001Z {text}")


@pytest.mark.parametrize(
    ("raw", "time", "text"),
    [
        pytest.param("2026-01-01T00:00:01.5Z a b", "2026-01-01T00:00:01.5Z", "a b", id="short fraction"),
        pytest.param("2026-01-01T02:00:01.123456789+02:00 a", "2026-01-01T02:00:01.123456789+02:00", "a", id="zone"),
        pytest.param("2026-01-01T00:00:01Z ", "2026-01-01T00:00:01Z", "", id="empty line"),
        pytest.param("unable to retrieve container logs", "", "unable to retrieve container logs", id="no time"),
        pytest.param("2026-01-01 is no moment", "", "2026-01-01 is no moment", id="a day"),
    ],
)
def test_a_line_is_parted_from_its_time(raw, time, text):
    line = stamped("p", raw)
    assert (line.time, line.text) == (time, text)
    assert (line.moment == BEGIN) == (time == "")


def test_lines_stand_in_the_order_of_time_to_the_nanosecond_whatever_the_zone():
    times = [
        "2026-01-01T00:00:01Z",
        "2026-01-01T02:00:01.1+02:00",
        "2026-01-01T00:00:01.100000001Z",
        "2025-12-31T19:00:01.100000002-05:00",
        "2026-01-01T00:00:01.12Z",
    ]
    moments = [stamped("p", f"{time} x").moment for time in times]
    assert moments == sorted(moments)
    assert len(set(moments)) == len(moments)


def test_only_what_a_trial_has_printed_is_its_own():
    lines = [at(1, "t0001 | loss=1"), at(2, "t0002 | loss=2"), at(3, "joined"), at(4, "t0001 | t0002 | x")]
    assert [line.text for line in said(lines, "t0001")] == ["loss=1", "t0002 | x"]
    assert list(said(lines, None)) == lines


def test_a_line_of_json_says_when_where_and_who():
    (line,) = said([at(1, 't0001 | "quoted" \x1b[31m')], "t0001")
    assert json.loads(line.to_json()) == {
        "time": "2026-01-01T00:00:01.000000001Z",
        "pod": "worker-0",
        "trial": "t0001",
        "line": '"quoted" \x1b[31m',
    }
    assert "\n" not in line.to_json()


class Pods:
    """Pods with logs; one that lives keeps its reader waiting until it ends or the connection is cut."""

    def __init__(self) -> None:
        self.logs: dict[str, list[LogLine]] = {}
        self.living: set[str] = set()
        self.is_over = False
        self.looks = 0
        self.refusal: Refusal | None = None
        self.changed = threading.Condition()
        self.cuts = 0

    def starts(self, pod: str) -> None:
        self.logs[pod] = []
        self.living.add(pod)

    def says(self, second: int, text: str, pod: str) -> None:
        with self.changed:
            self.logs[pod].append(at(second, text, pod))
            self.changed.notify_all()

    def ends(self, pod: str) -> None:
        with self.changed:
            self.living.discard(pod)
            self.changed.notify_all()

    def cuts_connections(self) -> None:
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    def look(self) -> Sight:
        self.looks += 1
        if self.refusal:
            raise self.refusal
        return Sight(frozenset(self.logs), frozenset(self.living), self.is_over)

    def read(self, pod: str) -> Iterator[LogLine]:
        number, cuts = 0, self.cuts
        while True:
            with self.changed:
                while not (fresh := self.logs[pod][number:]) and pod in self.living and self.cuts == cuts:
                    assert self.changed.wait(10), "nobody says anything"
                if self.cuts > cuts:
                    raise ConnectionResetError("cut")
            if not fresh:
                return
            yield from fresh
            number += len(fresh)


@pytest.fixture
def pods() -> Iterator[Pods]:
    pods = Pods()
    yield pods
    for pod in set(pods.living):
        pods.ends(pod)


def texts_of(pods: Pods, **more: object) -> Iterator[str]:
    return (line.text for line in Follower(pods.look, pods.read, pause_seconds=0.01, **more).lines())


def test_a_pod_that_comes_later_is_followed_too(pods):
    pods.starts("worker-0")
    pods.says(1, "one", "worker-0")
    texts = texts_of(pods)
    assert next(texts) == "one"
    pods.ends("worker-0")
    pods.starts("worker-1")
    pods.says(2, "two", "worker-1")
    assert next(texts) == "two"
    pods.ends("worker-1")
    pods.is_over = True
    assert list(texts) == []


def test_a_pod_that_has_the_name_of_one_that_ended_is_followed_too(pods):
    follower = Follower(pods.look, pods.read, pause_seconds=0.01)
    texts = (line.text for line in follower.lines())
    pods.starts("worker-0")
    pods.says(1, "one", "worker-0")
    assert next(texts) == "one"
    pods.ends("worker-0")
    pods.starts("driver-1")
    waiting = threading.Thread(target=lambda: next(texts), daemon=True)
    waiting.start()
    looks = pods.looks
    while pods.looks < looks + 10:
        threading.Event().wait(0.01)
    pods.says(2, "two", "driver-1")
    waiting.join(10)
    pods.starts("worker-0")
    pods.says(3, "three", "worker-0")
    assert next(texts) == "three"


def test_it_begins_before_there_is_any_pod(pods):
    texts = texts_of(pods)
    first: list[str] = []
    waiting = threading.Thread(target=lambda: first.append(next(texts)), daemon=True)
    waiting.start()
    pods.starts("driver-1")
    pods.says(1, "one", "driver-1")
    waiting.join(10)
    assert first == ["one"]


def test_a_connection_that_breaks_loses_and_repeats_nothing(pods):
    pods.starts("worker-0")
    pods.says(1, "one", "worker-0")
    texts = texts_of(pods)
    assert next(texts) == "one"
    pods.cuts_connections()
    pods.says(2, "two", "worker-0")
    assert next(texts) == "two"
    pods.ends("worker-0")
    pods.is_over = True
    assert list(texts) == []


def test_what_was_seen_already_is_not_said_again(pods):
    pods.starts("worker-0")
    pods.says(1, "old", "worker-0")
    pods.says(2, "new", "worker-0")
    pods.ends("worker-0")
    pods.is_over = True
    assert list(texts_of(pods, since={"worker-0": at(1, "old").moment})) == ["new"]


def test_all_that_ended_pods_have_said_is_there_when_it_is_over(pods):
    for number in range(3):
        pods.starts(f"worker-{number}")
        for second in range(50):
            pods.says(second, f"{number}", f"worker-{number}")
        pods.ends(f"worker-{number}")
    pods.is_over = True
    assert sorted(texts_of(pods)) == sorted(["0", "1", "2"] * 50)


def test_an_experiment_that_is_deleted_ends_it_with_a_sentence(pods):
    pods.starts("worker-0")
    pods.says(1, "one", "worker-0")
    texts = texts_of(pods)
    assert next(texts) == "one"
    pods.refusal = Refusal("There is no TuningExperiment digits.")
    with pytest.raises(Refusal, match="no TuningExperiment"):
        list(texts)
