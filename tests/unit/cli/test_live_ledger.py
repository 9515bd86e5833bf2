"""A ledger in the cluster that is read again and again: from driver to driver, and from the storage where none runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from luthier.cli.archives import Gone, Leaving, Starting
from luthier.cli.errors import Refusal
from luthier.cli.live_ledger import FIRST_PAUSE_SECONDS, LiveLedger
from unit.cli.builders import as_object, condition, status

SUSPENDED = condition("Suspended", message="spec.suspend is true")
ENDED = condition("Succeeded", message="8 trials ended")
BETWEEN = condition("Running", "False", "DriverLost", "attempt 2 starts soon")


class Storage:
    """What drivers have written; any archive of the experiment shows it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.written: list[bytes] = []
        self.is_gone = False

    def lines(self, after: int = 0) -> Iterator[bytes]:
        if self.is_gone:
            raise Gone("The connection broke off.")
        yield from b"".join(self.written)[after:].splitlines(keepends=True)

    def copy(self, checkpoint: str, target: Path) -> None:
        raise NotImplementedError


class Cluster:
    """An experiment, its driver if one runs, and how often a pod was made to read."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.uid = "one"
        self.storage = Storage({"metadata": {"name": "digits", "uid": self.uid}})
        self.driver: Storage | None = None
        self.readers = 0
        self.searches = 0
        self.may_read = True
        self.is_leaving = self.is_starting = False
        self.stands(condition("Running"))
        self.ledger = LiveLedger(lambda: self.document, self.find_driver, self.open_storage, lambda: self.seconds)

    def stands(self, *conditions: dict[str, str], attempt: int = 1) -> None:
        self.document: dict[str, Any] = as_object(status(*conditions))
        self.document["metadata"]["uid"] = self.uid
        self.document["status"]["attempt"] = attempt

    def starts_driver(self) -> None:
        self.driver = Storage(self.storage.document)
        self.driver.written = self.storage.written

    def loses_driver(self) -> None:
        assert self.driver is not None
        self.driver.is_gone = True
        self.driver = None

    def writes(self, *lines: bytes) -> None:
        self.storage.written.extend(lines)

    def find_driver(self) -> Storage:
        self.searches += 1
        if self.is_leaving:
            raise Leaving("it still writes")
        if self.is_starting:
            raise Starting("it does not answer yet")
        if self.driver is None:
            raise Gone("no running driver")
        return self.driver

    @contextmanager
    def open_storage(self) -> Iterator[Storage]:
        self.readers += 1
        if not self.may_read:
            raise Refusal("The pod that reads the storage does not start.")
        yield self.storage


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.starts_driver()
    cluster.writes(b"a\n")
    assert cluster.ledger.lines(0) == [b"a\n"]
    cluster.writes(b"b\n")
    return cluster


def test_a_driver_is_looked_for_once_while_it_runs(cluster):
    assert cluster.ledger.lines(2) == [b"b\n"]
    assert (cluster.searches, cluster.readers, cluster.ledger.notice) == (1, 0, "")


def test_the_next_driver_goes_on_where_the_last_one_was(cluster):
    cluster.loses_driver()
    cluster.starts_driver()
    assert cluster.ledger.lines(2) == [b"b\n"]
    assert cluster.readers == 0


def test_between_two_drivers_nothing_is_made_and_the_notice_says_so(cluster):
    cluster.loses_driver()
    cluster.stands(BETWEEN)
    assert cluster.ledger.lines(2) == []
    assert cluster.ledger.notice == "No driver runs: Pending, attempt 2 starts soon"
    assert cluster.readers == 0
    cluster.starts_driver()
    assert (cluster.ledger.lines(2), cluster.ledger.notice) == ([b"b\n"], "")


@pytest.mark.parametrize("rest", [SUSPENDED, ENDED], ids=["suspended", "ended"])
def test_what_the_last_driver_left_is_read_once(cluster, rest):
    cluster.loses_driver()
    cluster.stands(rest)
    assert cluster.ledger.lines(2) == [b"b\n"]
    assert cluster.ledger.lines(4) == []
    assert cluster.readers == 1
    assert rest["message"] in cluster.ledger.notice


def test_a_driver_on_its_way_out_is_waited_for_before_the_rest_is_read(cluster):
    cluster.loses_driver()
    cluster.stands(SUSPENDED)
    cluster.is_leaving = True
    assert cluster.ledger.lines(2) == []
    assert "Suspended" in cluster.ledger.notice
    cluster.writes(b"c\n")
    cluster.is_leaving = False
    assert cluster.ledger.lines(2) == [b"b\n", b"c\n"]
    assert cluster.readers == 1


def test_what_a_driver_left_that_came_and_went_unseen_is_read_too(cluster):
    cluster.loses_driver()
    cluster.stands(SUSPENDED)
    cluster.ledger.lines(2)
    cluster.writes(b"c\n")
    cluster.stands(ENDED, attempt=2)
    assert cluster.ledger.lines(4) == [b"c\n"]
    assert cluster.readers == 2


def test_a_first_look_reads_whatever_is_there():
    cluster = Cluster()
    cluster.writes(b"a\n")
    cluster.stands(BETWEEN)
    assert cluster.ledger.lines(0) == [b"a\n"]


def test_a_driver_that_is_starting_is_not_got_ahead_of():
    cluster = Cluster()
    cluster.stands(condition("Running", "False", "DriverPending", "the driver's pod is being created"))
    cluster.is_starting = True
    assert cluster.ledger.lines(0) == []
    assert cluster.ledger.notice == "The driver is starting: Pending, the driver's pod is being created"
    assert cluster.readers == 0
    cluster.is_starting = False
    cluster.starts_driver()
    cluster.writes(b"a\n")
    assert (cluster.ledger.lines(0), cluster.ledger.notice) == ([b"a\n"], "")
    assert cluster.readers == 0


@pytest.mark.parametrize(("attempt", "lines"), [(1, []), (2, [b"a\n"])], ids=["the first driver", "a later driver"])
def test_behind_a_driver_that_is_stuck_a_first_look_sees_what_earlier_ones_left(attempt, lines):
    cluster = Cluster()
    cluster.writes(b"a\n")
    cluster.stands(condition("Stalled", message="its image can't be pulled"), attempt=attempt)
    cluster.is_starting = True
    assert cluster.ledger.lines(0) == lines
    assert cluster.ledger.lines(sum(map(len, lines))) == []
    assert cluster.readers == len(lines)


def test_a_reader_that_does_not_come_up_is_tried_again_after_a_pause(cluster):
    cluster.loses_driver()
    cluster.stands(ENDED)
    cluster.may_read = False
    with pytest.raises(Refusal, match="does not start"):
        cluster.ledger.lines(2)
    assert cluster.ledger.lines(2) == []
    assert cluster.readers == 1
    cluster.may_read, cluster.seconds = True, FIRST_PAUSE_SECONDS + 1
    assert cluster.ledger.lines(2) == [b"b\n"]


def test_another_experiment_of_the_same_name_is_not_taken_for_it(cluster):
    cluster.loses_driver()
    cluster.uid = "two"
    cluster.stands(condition("Running"))
    with pytest.raises(Refusal, match="another experiment has its name now"):
        cluster.ledger.lines(2)


def test_who_closes_waits_until_what_was_made_for_reading_is_gone(cluster):
    cluster.loses_driver()
    cluster.stands(ENDED)
    comes_up, gone = threading.Event(), threading.Event()

    @contextmanager
    def slowly() -> Iterator[Storage]:
        comes_up.set()
        while ledger.is_wanted:
            threading.Event().wait(0.01)
        gone.set()
        raise Gone("Nobody waits any more.")
        yield

    def look() -> None:
        with pytest.raises(Gone):
            ledger.lines(0)

    ledger = LiveLedger(lambda: cluster.document, cluster.find_driver, slowly)
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    assert comes_up.wait(10)
    ledger.close()
    assert gone.is_set()
    looking.join(10)
    with pytest.raises(Gone):
        ledger.lines(0)
