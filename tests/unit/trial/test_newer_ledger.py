"""A ledger with what a newer version may add to it: every reader skips the same, or refuses the same."""

from __future__ import annotations

import json

import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.cli.errors import Refusal
from luthier.cli.records import records_of
from luthier.cli.trial_rows import trial_rows
from luthier.trial.archive import Archive
from luthier.trial.errors import NewerLedger
from luthier.trial.ledger import LEDGER_FILE, read
from luthier.trial.records import decode_lines, encode
from luthier.trial.report.page import page
from luthier.trial.report.view import view_of
from luthier.trial.story import story_of
from support.stories import a_played_study, the_experiment
from support.studies import ToldStudy, picture


@pytest.fixture(scope="module")
def told():
    return a_played_study(SchedulerKind.PBT, trials=6)


@pytest.fixture(scope="module")
def lines(told):
    """After each record, one that only a newer version knows."""
    return [line for record in told.records for line in (encode(record), added(record.time, optional=True))]


def added(time, **more):
    return json.dumps({"kind": "glance", "time": time, "trial": "t0000", "by": ["a", "b"], **more}).encode() + b"\n"


def test_the_fold_is_the_same(told, lines):
    assert picture(ToldStudy(told.spec, decode_lines(lines))) == picture(told.again())


def test_the_table_of_trials_is_the_same(told, lines):
    objectives = told.spec.objectives
    assert trial_rows(records_of(lines), objectives) == trial_rows(told.records, objectives)


def test_the_page_is_the_same(told, lines):
    def page_of(records):
        return page(view_of(story_of(the_experiment(told), records)))

    assert page_of(records_of(lines)) == page_of(told.records)


def test_checkpoints_are_still_found(told, lines, tmp_path):
    (tmp_path / LEDGER_FILE).write_bytes(b"".join(lines))
    kept = next(iter(told.study.checkpoints))
    (tmp_path / kept).mkdir(parents=True)
    assert Archive(tmp_path).find(kept) == (tmp_path / kept).resolve()


def test_what_may_not_be_skipped_is_refused_by_driver_and_command_line_alike(lines, tmp_path):
    (tmp_path / LEDGER_FILE).write_bytes(b"".join([*lines, added(9e9)]))
    with pytest.raises(NewerLedger, match=rf"{LEDGER_FILE}: line {len(lines) + 1} of the ledger: 'glance' is no kind"):
        list(read(tmp_path))
    with pytest.raises(Refusal, match=f"Line {len(lines) + 1} of the ledger: 'glance' is no kind") as refused:
        list(records_of([*lines, added(9e9)]))
    assert "at least as new" in (refused.value.hint or "")


def with_news(value):
    """Add a field to each object in a record, as a newer version may; what users name is no such object."""
    if not isinstance(value, dict):
        return value
    named_by_users = ("values", "metrics", "changed", "environment")
    return {key: part if key in named_by_users else with_news(part) for key, part in value.items()} | {"new": False}


def test_new_fields_are_left_out_wherever_they_stand(told):
    budget = {"kind": "budget", "time": 1.0, "generation": 2, "budget": {"trials": 7, "parallelTrials": 2}}
    lines = [*map(encode, told.records), json.dumps(budget).encode()]
    newer = [json.dumps(with_news(json.loads(line))).encode() for line in lines]
    assert list(decode_lines(newer)) == list(decode_lines(lines))
    assert any(b'"donor"' in line for line in lines)


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "result", "trial": "t0000", "iteration": 1, "metrics": {}, "decision": "Clone"},
        {"kind": "worker", "worker": "w", "cause": "c", "message": "m", "action": "Clone"},
    ],
    ids=lambda record: record["kind"],
)
def test_a_decision_that_only_a_newer_version_knows_is_refused_and_not_taken_for_damage(record):
    with pytest.raises(NewerLedger, match=r"line 1 of the ledger: 'Clone' is no (decision|action) that this version"):
        list(decode_lines([json.dumps({"time": 1.0, **record}).encode()]))
