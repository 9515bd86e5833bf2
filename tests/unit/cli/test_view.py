from contextlib import nullcontext
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from luthier.api.status import Activity, Population, Progress, RungCount, Usage
from luthier.api.wire import Report
from luthier.cli.advice import ADVICE
from luthier.cli.errors import Refusal
from luthier.cli.page import final_page
from luthier.cli.screen import Lines
from luthier.cli.snapshot import of_object, of_report, of_status
from luthier.cli.trial_feed import TrialFeed
from luthier.cli.trial_rows import TrialRow
from luthier.cli.view import duration, live, number, plain
from unit.cli.builders import ACCURACY, BEST, COPIES, condition, ended, experiment, running, status


def drawn(view: object, width: int = 80) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(view)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def test_a_running_experiment_shows_bar_trials_by_state_best_and_the_last_copy():
    assert drawn(live(of_report(experiment(), running())), width=120) == (
        "digits  Running\n"
        "━━━━━━━━━━━━━━━━━━━━━━━━╸                 62%  1 min 01 s  1 min 35 s left\n"
        "1/8 trials done, 2 running, 5 paused, 1 failed\n"
        "best  accuracy 0.9849 (t0003, iteration 32)  lr 0.12  momentum 0.45\n"
        "generation 7, 2 copies of weights; last: t0003 from t0002 at 8 (lr 0.1 to 0.12, momentum 0.9 to 0.45)\n"
        "t0006 failed: Exception: ValueError: bad width"
    )


@pytest.mark.parametrize("width", [80, 120])
def test_the_view_keeps_to_the_width_of_the_terminal(width):
    for view in (
        live(of_report(experiment(), running())),
        final_page(of_report(experiment(), ended()), exploits=COPIES),
    ):
        assert max(map(len, drawn(view, width).splitlines())) <= width


def test_local_and_cluster_look_the_same():
    here = drawn(live(of_report(experiment(), running())))
    there = drawn(live(of_status("digits", [ACCURACY], status(condition("Running")))))
    assert there.replace(", 2/2 workers", "") == here


def test_a_stalled_experiment_shows_the_reason_and_what_to_do():
    stalled = status(condition("Running"), condition("Stalled", reason="Unschedulable", message="0/3 nodes have a GPU"))
    text = drawn(live(of_status("digits", [ACCURACY], stalled)))
    assert "Unschedulable: 0/3 nodes have a GPU" in text
    assert ADVICE["Unschedulable"] in text


def test_a_metric_that_is_never_reported_shows_locally_too():
    text = drawn(
        live(of_report(experiment(), Report(missing_metric="accuracy", metrics_seen=["acc", "loss"]))), width=120
    )
    assert "MetricMissing: Results come without the objective accuracy; they carry acc, loss." in text


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        pytest.param([], "Pending", id="nothing is said yet"),
        pytest.param([condition("Accepted"), condition("Running")], "Running", id="it runs"),
        pytest.param([condition("Running"), condition("Suspended")], "Suspended", id="suspended outweighs running"),
        pytest.param([condition("Succeeded"), condition("Stalled")], "Succeeded", id="an end outweighs everything"),
        pytest.param([condition("Accepted", "False")], "Rejected", id="a refused spec"),
        pytest.param([condition("Running", "False", "Starting")], "Pending", id="not running yet"),
    ],
)
def test_one_word_says_where_an_experiment_stands(conditions, state):
    assert of_status("digits", [ACCURACY], status(*conditions)).state == state


def test_the_primary_objective_comes_first_although_the_cluster_sorts_names():
    obj = {
        "metadata": {"name": "two"},
        "spec": {"objectives": [{"metric": "z", "direction": "Minimize"}, {"metric": "a", "direction": "Minimize"}]},
        "status": {"best": {"trial": "t1", "iteration": 1, "metrics": {"a": 1.0, "z": 2.0}}},
    }
    assert "best z 2  a 1" in plain(of_object(obj))


def test_the_last_page_shows_best_lineage_cost_and_what_to_type_next():
    page = final_page(
        of_report(experiment(), ended()),
        exploits=COPIES,
        storage="results/digits-1/",
        next_steps=[("luthier best results/digits-1", "the parameters")],
    )
    assert drawn(page).splitlines() == [
        "",
        "digits succeeded",
        "8 trials ended: 7 succeeded, 0 stopped early, 1 failed (TrialsDone)",
        "",
        "Best: t0003, iteration 32",
        "accuracy    0.9849  (maximized)",
        "loss        0.0612",
        "lr          0.12",
        "momentum    0.45",
        "checkpoint  results/digits-1/trials/t0003/checkpoint_000008",
        "",
        "Next best",
        "t0001  accuracy 0.9732  lr 0.1  momentum 0.9",
        "",
        "Lineage: what its weights lived through, by iterations of their own",
        "1-4   in t0001  lr 0.08  momentum 0.9",
        "5-8   in t0002  lr 0.1  momentum 0.9",
        "9-32  in t0003  lr 0.12  momentum 0.45",
        "",
        "Cost: 1 min 01 s of search, 2 min 00 s of trials",
        "",
        "Next",
        "  # the parameters",
        "  luthier best results/digits-1",
    ]


def test_the_last_page_of_a_failure_says_what_failed_last():
    text = drawn(final_page(of_report(experiment(), ended(succeeded=False)), exploits=COPIES))
    assert "digits failed\n4 trials failed and the budget tolerates 3 (TooManyFailures)" in text
    assert "t0006 failed: Exception: ValueError: bad width" in text


def test_copies_that_are_not_known_are_mentioned():
    report = ended().model_copy(update={"population": Population(generation=9, exploits=40, lineage=COPIES)})
    text = drawn(final_page(of_report(experiment(), report), exploits=COPIES), width=200)
    assert "Only the last 2 of 40 copies are known here" in text


def test_a_winner_that_copied_nobody_says_so():
    text = drawn(
        final_page(
            of_report(experiment(), ended().model_copy(update={"best": BEST.model_copy(update={"trial": "t0009"})})),
            exploits=COPIES,
        )
    )
    assert "trained in t0009 alone" in text


def test_a_value_in_brackets_is_shown_as_it_is():
    best = BEST.model_copy(update={"parameters": {"layers": "[red]64[/red]"}})
    report = running().model_copy(update={"best": best})
    for view in (live(of_report(experiment(), report)), final_page(of_report(experiment(), report))):
        assert "[red]64[/red]" in drawn(view)


def test_a_command_to_copy_is_never_broken_over_lines():
    command = "luthier best " + "a-long-folder/" * 10
    page = final_page(of_report(experiment(), ended()), next_steps=[(command, "try")])
    console = Console(width=60, file=(out := StringIO()))
    console.print(page, crop=False)
    assert command in out.getvalue()


def test_the_user_guide_explains_every_reason_that_the_view_gives_advice_for():
    guide = (Path(__file__).parents[3] / "docs" / "user-guide.md").read_text()
    assert {reason for reason in ADVICE if f"`{reason}`" not in guide} == set()


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_log_gets_a_line_for_each_new_state_and_else_one_now_and_then():
    clock, out = Clock(), StringIO()
    lines = Lines(Console(file=out, width=80), now=clock)
    for seconds, percent in ((0, 10), (1, 20), (4, 30), (6, 40), (20, 40)):
        clock.seconds = seconds
        lines.show(of_report(experiment(), running().model_copy(update={"progress": Progress(percent=percent)})))
    lines.show(of_report(experiment(), ended()))
    starts = [line.split(" | ")[:2] for line in out.getvalue().splitlines()]
    assert starts == [["Running", "10%"], ["Running", "40%"], ["Succeeded", "100%"]]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3599.4, "59 min 59 s"), (7800, "2 h 10 min")]
)
def test_seconds_are_said_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (1e-5, "1e-05"), (True, "true"), (64, "64"), ("sgd", "sgd")]
)
def test_values_are_short(value, text):
    assert number(value) == text


RUNGS = Activity(rungs=[RungCount(iterations=3, promoted=4, stopped=8), RungCount(iterations=9, promoted=1)])
ROWS = [
    TrialRow("t0000", {"lr": 0.1}, "Stopped", 3, {"accuracy": 0.7}, 0.7, 3),
    TrialRow("t0001", {"lr": 0.2}, "Stopped", 9, {"accuracy": 0.9}, 0.9, 9),
    TrialRow("t0002", {"lr": 0.3}, "Running", 2, {"accuracy": 0.5}, 0.5, 2),
    TrialRow("t0003", {"lr": 0.4}),
]


def test_rungs_and_gpu_hours_are_shown_in_the_view_and_in_a_log():
    used = Usage(gpu_seconds=5400, running_seconds=61)
    snapshot = of_report(experiment(), running().model_copy(update={"activity": RUNGS, "usage": used}))
    for text in (drawn(live(snapshot), width=120), plain(snapshot)):
        assert "rungs  3: 4 on, 8 stopped; 9: 1 on, 0 stopped" in text
        assert "1.5 GPU-hours" in text
        assert "1 min 35 s left" in text


def test_trials_are_shown_one_by_one_running_ones_first_then_the_best():
    text = drawn(live(replace(of_report(experiment(), running()), rows=tuple(ROWS))), width=120)
    names = [line.split()[0] for line in text.splitlines() if line.startswith("t000") and "failed" not in line]
    assert names == ["t0002", "t0001", "t0000", "t0003"]
    assert "0.9" in next(line for line in text.splitlines() if line.startswith("t0001"))


def test_more_trials_than_a_screen_holds_are_counted():
    rows = [TrialRow(f"t{number:04}", {"lr": 0.1}) for number in range(25)]
    text = drawn(live(replace(of_report(experiment(), running()), rows=tuple(rows))), width=80)
    assert "and 15 more: luthier trials" in text
    assert max(map(len, text.splitlines())) <= 80


class Ledgers:
    """An archive whose ledger grows, and breaks off when it is told to."""

    def __init__(self):
        self.lines_there = []
        self.is_gone = False
        self.offsets = []
        self.document = {}

    def lines(self, after=0):
        self.offsets.append(after)
        if self.is_gone:
            raise Refusal("gone")
        yield from split_after(b"".join(self.lines_there), after)

    def copy(self, checkpoint, target):
        raise NotImplementedError


def split_after(data, offset):
    return data[offset:].splitlines(keepends=True)


def proposed(name):
    return b'{"kind":"trial","time":1,"trial":"%b","values":{"lr":0.1}}\n' % name


def test_the_ledger_is_read_from_where_one_was_and_a_lost_driver_leaves_the_table_as_it_is():
    archive, clock = Ledgers(), Clock()
    feed = TrialFeed(lambda: nullcontext(archive), [ACCURACY], clock)
    archive.lines_there.append(proposed(b"t0000"))
    assert [row.trial for row in feed.poll()] == ["t0000"]
    archive.lines_there.append(proposed(b"t0001"))
    assert len(feed.poll()) == 1, "not so soon"
    clock.seconds += 3
    assert len(feed.poll()) == 2
    assert archive.offsets == [0, len(proposed(b"t0000"))]
    archive.is_gone = True
    for _ in range(60):
        clock.seconds += 1
        assert len(feed.poll()) == 2
    assert 2 < len(archive.offsets) < 10, "it is asked ever more rarely"
    archive.is_gone = False
    archive.lines_there.append(proposed(b"t0002"))
    clock.seconds += 60
    assert len(feed.poll()) == 3, "and seen again when it is back"
