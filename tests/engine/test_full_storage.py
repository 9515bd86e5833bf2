"""A full storage is a condition: the search waits, says what for, and goes on as if nothing had been."""

from __future__ import annotations

import pytest

from luthier.trial.engine import Engine
from luthier.trial.errors import StorageNotWritable
from support.real_runs import an_experiment, records, results_of, run
from support.small_disk import small_disk

pytestmark = pytest.mark.ray


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as made:
        yield made


ROOM_FOR_SOME_RECORDS = 12 * 1024
ROOM_FOR_ONE = 100 * 1024
"""Room for one of the checkpoints, and for a ledger."""


class MakesRoom:
    """Listens to reports, and makes room once the driver complains."""

    def __init__(self, disk):
        self.disk = disk
        self.problems = []
        self.last = None

    def __call__(self, report):
        self.last = report
        if report.problem:
            self.problems.append(report.problem)
            self.disk.clear()


def timeless(directory):
    """The ledger without the times in it."""
    book = [record.model_dump(exclude={"time", "outcome"}) for kind in KINDS for record in records(directory, kind)]
    return [line for line in book if line]


KINDS = ("attempt", "budget", "trial", "run", "result", "end", "retry", "finish")


def test_a_ledger_that_finds_no_room_waits_for_it_and_ends_as_if_there_had_been(tmp_path, disk):
    experiment = an_experiment("quadratic", trials=20)
    disk.fill(leaving=ROOM_FOR_SOME_RECORDS)
    listener = MakesRoom(disk)

    report = run(experiment, disk.path / "x", on_report=listener)

    assert report.trials.succeeded == 20
    assert listener.problems
    assert {problem.reason for problem in listener.problems} == {"StorageFull"}
    assert "ledger.jsonl: 0 B are free; the search goes on when there is room" in listener.problems[0].message
    assert listener.last.problem is None
    run(experiment, tmp_path / "undisturbed")
    assert timeless(disk.path / "x") == timeless(tmp_path / "undisturbed")


@pytest.mark.parametrize("function", ["saves_64_kib", "Saves64KiB"], ids=["a function", "a class"])
def test_a_checkpoint_that_finds_no_room_is_made_when_there_is_some_and_nobody_is_to_blame(tmp_path, disk, function):
    experiment = an_experiment(function, trials=2, iterationsPerTrial=4)
    disk.fill(leaving=ROOM_FOR_ONE)
    listener = MakesRoom(disk)

    report = run(experiment, disk.path / "x", on_report=listener)

    assert report.trials.succeeded == 2
    assert "no room for " in listener.problems[0].message
    assert listener.last.problem is None
    assert len(results_of(disk.path / "x")) == len(records(disk.path / "x", "result")) == 8
    (retry,) = records(disk.path / "x", "retry")
    assert (retry.cause, retry.counted) == ("StorageFull", False)


def test_asked_to_leave_while_it_waits_it_leaves_and_the_next_attempt_goes_on(disk):
    experiment = an_experiment("quadratic", trials=20)
    disk.fill(leaving=ROOM_FOR_SOME_RECORDS)
    engine = Engine(experiment, disk.path / "x", 1, lambda report: engine.stop() if report.problem else None)
    assert engine.run().outcome is None
    assert records(disk.path / "x", "result")

    disk.clear()
    report = run(experiment, disk.path / "x", attempt=2)
    assert report.trials.succeeded == 20
    assert len(results_of(disk.path / "x")) == len(records(disk.path / "x", "result")) == 60


def test_an_attempt_that_begins_on_a_full_storage_waits_with_what_is_known_so_far(disk):
    experiment = an_experiment("quadratic", trials=3)
    run(experiment, disk.path / "x")
    disk.fill()
    listener = MakesRoom(disk)

    Engine(experiment, disk.path / "x", 2, listener)

    assert listener.problems
    assert listener.last.trials.succeeded == 3


def test_a_storage_that_takes_nothing_is_told_in_a_sentence(disk):
    disk.make_read_only()

    with pytest.raises(StorageNotWritable, match=r"x can't be written by user 0, group 0: Read-only file system; let"):
        Engine(an_experiment("quadratic", trials=3), disk.path / "x", 1, lambda report: None)
