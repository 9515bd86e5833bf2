"""Exports while an experiment runs, by real child processes."""

from __future__ import annotations

import csv
import fcntl
import json
from threading import Event

import optuna
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from luthier.api.catalogue import SchedulerKind
from luthier.api.exports import Export, ExportType
from luthier.trial.closing import LOCK_FILE, begin_closing
from luthier.trial.exports.exporting import write_export
from luthier.trial.exports.periodic import PeriodicExports
from luthier.trial.exports.tensorboard import WRITTEN
from luthier.trial.records import encode
from luthier.trial.story import story_of
from support.stories import a_played_study, the_experiment


class Running:
    """An experiment whose ledger has some of its records yet, and a clock that is set by hand."""

    def __init__(self, directory, *exports):
        self.told = a_played_study(SchedulerKind.NONE, trials=6)
        self.directory, self.now = directory, 0.0
        experiment = the_experiment(self.told)
        self.experiment = experiment.model_copy(
            update={"spec": experiment.spec.model_copy(update={"exports": list(exports)})}
        )
        (directory / "experiment.json").write_text(json.dumps(self.experiment.to_json()))
        self.tells(0.5)
        self.exports = PeriodicExports(
            self.experiment, directory / "experiment.json", directory, clock=lambda: self.now
        )

    def tells(self, part):
        self.records = self.told.records[: int(part * len(self.told.records))]
        (self.directory / "ledger.jsonl").write_bytes(b"".join(map(encode, self.records)))

    def looks(self, now):
        """Look at a time; return whether something was written by then."""
        self.now = now
        self.exports.look()
        is_begun = self.exports.is_writing
        while self.exports.is_writing:
            Event().wait(0.05)
        return is_begun

    def results(self, name="tables"):
        with (self.directory / "exports" / name / "results.csv").open() as file:
            return len(list(csv.DictReader(file)))


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path, Export(name="tables", type=ExportType.FILES, every_seconds=60))
    yield running
    running.exports.close()


def test_it_is_written_after_each_interval_in_which_something_has_happened(running):
    assert [running.looks(0), running.looks(59)] == [False, False]
    assert running.looks(60)
    before = running.results()
    assert not running.looks(121)
    running.tells(0.8)
    assert not running.looks(150)
    assert running.looks(190)
    assert before < running.results() == sum(record.kind == "result" for record in running.records)


def test_with_zero_seconds_nothing_is_written_on_the_way(tmp_path):
    running = Running(tmp_path, Export(name="tables", type=ExportType.FILES, every_seconds=0))
    assert not running.looks(1e9)


def test_one_that_is_closed_ends_what_it_writes_and_writes_no_more(running):
    running.now = 60
    running.exports.look()
    running.exports.close()
    assert not running.exports.is_writing
    running.tells(0.9)
    assert not running.looks(1000)


def test_what_is_written_at_the_end_waits_for_what_is_being_written(running, tmp_path):
    with (tmp_path / LOCK_FILE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as one does that is at work
        wait = begin_closing(tmp_path / "experiment.json", tmp_path, seconds=120)
        while not (tmp_path / "report.html").exists():
            Event().wait(0.05)
        assert not (tmp_path / "exports").exists()
    assert wait() == ""
    assert running.results()


@pytest.mark.parametrize(("kind", "file"), [(ExportType.OPTUNA, "study.db"), (ExportType.MLFLOW, "mlflow.db")])
def test_a_database_whose_making_was_cut_off_is_made_anew(tmp_path, kind, file):
    """Half of its tables can be completed by nobody."""
    (tmp_path / f"{file}.new").write_bytes(b"half of a database")
    list(grown(tmp_path, kind))
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_what_cannot_be_written_is_in_the_log_and_tried_again(tmp_path, caplog):
    gone = Export(name="gone", type=ExportType.OPTUNA, uri="sqlite:////no/such/study.db", every_seconds=60)
    running = Running(tmp_path, gone)
    assert running.looks(60)
    running.tells(0.7)
    assert running.looks(120)
    assert "export gone (Optuna): not written: OperationalError" in caplog.text


def grown(tmp_path, kind, **wish):
    """Write an export of half an experiment and then of the whole, into the same place; yield after each."""
    told = a_played_study(SchedulerKind.NONE, trials=6)
    for records in (told.records[: len(told.records) // 2], told.records):
        story = story_of(the_experiment(told), records)
        write_export(Export(name="it", type=kind, **wish), story, records, tmp_path)
        yield story


def test_a_dashboard_s_study_stays_the_same_one_and_has_the_trials_that_have_ended(tmp_path):
    seen = []
    for story in grown(tmp_path, ExportType.OPTUNA):
        study = optuna.load_study(study_name="told", storage=f"sqlite:///{tmp_path}/study.db")
        over = [trial.name for trial in story.trials if trial.is_over]
        assert sorted(trial.user_attrs["luthier:trial"] for trial in study.trials) == sorted(over)
        seen.append((study._study_id, {t.user_attrs["luthier:trial"]: t._trial_id for t in study.trials}))
    (first, earlier), (last, later) = seen
    assert first == last
    assert earlier.items() < later.items()


def test_curves_grow_and_no_point_is_there_twice(tmp_path):
    for story in grown(tmp_path, ExportType.TENSORBOARD):
        for trial in story.trials:
            points = {point.iteration: point.values[0] for point in story.points.get(trial.name, [])}
            events = EventAccumulator(str(tmp_path / trial.name)).Reload()
            read = events.Scalars("score0") if points else []
            assert [event.step for event in read] == sorted(points)
            assert {event.step: event.value for event in read} == pytest.approx(points, rel=1e-6)


def test_a_writer_of_curves_that_was_cut_off_is_followed_by_one_that_begins_where_it_began(tmp_path):
    growing = grown(tmp_path, ExportType.TENSORBOARD)
    next(growing)
    marks = {mark: mark.read_text() for mark in tmp_path.glob(f"*/{WRITTEN}")}
    story = next(growing)
    for mark, text in marks.items():
        mark.write_text(text)
    for written in tmp_path.glob("*/events*"):  # a second ago, which is in the name
        stamp = written.name.split(".")[3]
        written.rename(written.with_name(written.name.replace(stamp, str(int(stamp) - 1))))
    records = a_played_study(SchedulerKind.NONE, trials=6).records
    write_export(Export(name="it", type=ExportType.TENSORBOARD), story, records, tmp_path)
    for trial in story.trials:
        steps = [point.iteration for point in story.points.get(trial.name, [])]
        events = EventAccumulator(str(tmp_path / trial.name)).Reload()
        assert [event.step for event in (events.Scalars("score0") if steps else [])] == sorted(steps)
