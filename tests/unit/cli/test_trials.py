"""`luthier trials` and `best --checkpoint` on a folder that a run has left."""

import json

import pytest

from luthier.cli import results
from luthier.cli.archives import Gone
from luthier.cli.errors import Refusal
from luthier.cli.winner import copy_best_checkpoint
from luthier.trial.checkpoints import save, verify
from luthier.trial.ledger import Ledger
from luthier.trial.records import (
    KNOWN,
    CheckpointDropped,
    CheckpointSaved,
    TrialProposed,
    TrialReported,
    encode,
)
from unit.cli.builders import BEST, ended, experiment
from unit.cli.test_commands import call

CHECKPOINT = BEST.checkpoint
RECORDS = [
    {"kind": "trial", "trial": "t0001", "values": {"lr": 0.1, "momentum": 0.9}},
    {"kind": "trial", "trial": "t0003", "values": {"lr": 0.2, "momentum": 0.3}},
    {"kind": "trial", "trial": "t0004", "values": {"lr": 0.3}},
    {"kind": "run", "trial": "t0001"},
    {"kind": "result", "trial": "t0001", "iteration": 1, "metrics": {"accuracy": 0.5, "loss": 2.0}},
    {"kind": "run", "trial": "t0003"},
    {"kind": "result", "trial": "t0003", "iteration": 1, "metrics": {"accuracy": 0.9, "loss": 3.0}},
    {"kind": "saved", "trial": "t0003", "iteration": 1, "checkpoint": CHECKPOINT},
    {"kind": "end", "trial": "t0001", "ending": "Failed", "cause": "Exception", "message": "line 3\nValueError: no"},
]


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "digits-1"
    results.keep_experiment(made(directory), experiment(), manifest=tmp_path, code=tmp_path)
    results.keep_report(directory, ended())
    (made(tmp_path / "source") / "model.bin").write_bytes(b"weights")
    save(tmp_path / "source", directory / CHECKPOINT)
    ledger = Ledger(directory, 1)
    for time, record in enumerate(RECORDS):
        ledger.append(KNOWN.validate_python({"time": time, **record}))
    ledger.close()
    return directory


def made(directory):
    directory.mkdir()
    return directory


def names(text):
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_trials_are_shown_best_first_with_parameters_and_reasons(folder):
    text = call("trials", folder)
    lines = text.splitlines()
    assert lines[0].split() == ["TRIAL", "STATE", "ITER", "accuracy", "AT", "lr", "momentum", "TIME", "WHY"]
    assert names(text) == ["t0003", "t0001", "t0004"]
    assert lines[2].split()[:3] == ["t0001", "Failed", "1"]
    assert lines[2].endswith("Exception: ValueError: no")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("trial", ["t0001", "t0003", "t0004"]), ("-trial", ["t0004", "t0003", "t0001"]),
        ("-lr", ["t0004", "t0003", "t0001"]), ("momentum", ["t0003", "t0001", "t0004"]),
        ("loss", ["t0001", "t0003", "t0004"]), ("-best", ["t0001", "t0003", "t0004"]),
        ("seconds", ["t0004", "t0003", "t0001"]),
    ],
)  # fmt: skip
def test_trials_are_sorted_by_what_one_names_and_those_without_it_come_last(folder, by, expected):
    assert names(call("trials", folder, "--sort", by)) == expected


def test_another_column_is_refused_with_those_there_are(folder):
    text = call("trials", folder, "--sort", "magic", code=2)
    assert "can't be sorted by 'magic'" in text
    assert "momentum" in text


def test_only_trials_of_a_state_are_shown(folder):
    assert names(call("trials", folder, "--state", "failed", "--state", "WAITING")) == ["t0001", "t0004"]
    assert call("trials", folder, "--state", "paused") == "There are no such trials.\n"
    assert names(call("trials", folder, "--limit", "1")) == ["t0003"]


def test_programs_get_all_of_it(folder):
    best, *_ = json.loads(call("trials", folder, "-o", "json"))
    assert (best["trial"], best["best"], best["checkpoints"]) == ("t0003", 0.9, [CHECKPOINT])
    assert best["metrics"] == {"accuracy": 0.9, "loss": 3.0}


def test_the_winners_checkpoint_is_copied_out(folder, tmp_path):
    text = call("best", folder, "--checkpoint", tmp_path / "best", "-o", "json")
    assert '"lr": 0.12' in text
    verify(tmp_path / "best")
    assert (tmp_path / "best" / "model.bin").read_bytes() == b"weights"


def test_a_winner_without_checkpoint_is_said(folder, tmp_path):
    results.keep_report(folder, ended().model_copy(update={"best": BEST.model_copy(update={"trial": "t0001"})}))
    assert "t0001 has no checkpoint" in call("best", folder, "--checkpoint", tmp_path / "best", code=2)


class Improving:
    """An archive of a trial that has saved a better one and dropped the last whenever one asks."""

    def __init__(self, moves):
        self.document = experiment().to_json()
        self._lines = [encode(TrialProposed(time=0, trial="t0001", values={"lr": 0.1}))]
        self._left = moves
        self._now = 0
        self._move()

    def lines(self, after=0):
        yield from b"".join(self._lines)[after:].splitlines(keepends=True)

    def copy(self, checkpoint, target):
        if self._left:
            self._left -= 1
            self._move()
        if checkpoint != f"c{self._now}":
            raise Gone(f"no {checkpoint}")
        target.mkdir()

    def _move(self):
        before, self._now = self._now, self._now + 1
        metrics = {"accuracy": float(self._now)}
        self._lines += map(
            encode,
            [
                TrialReported(time=1, trial="t0001", iteration=self._now, metrics=metrics),
                CheckpointSaved(time=1, trial="t0001", iteration=self._now, checkpoint=f"c{self._now}"),
                CheckpointDropped(time=1, trial="t0001", checkpoint=f"c{before}"),
            ],
        )


def test_a_checkpoint_that_has_just_made_room_for_a_better_one_is_not_missed(tmp_path):
    assert copy_best_checkpoint(Improving(3), "t0001", tmp_path / "best") == "c4"


def test_one_that_is_never_in_time_is_given_up(tmp_path):
    with pytest.raises(Refusal, match="no c"):
        copy_best_checkpoint(Improving(100), "t0001", tmp_path / "best")
