"""The report by the command line: a file, and a page that is served while it grows."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from luthier.api.catalogue import SchedulerKind
from luthier.cli import results
from luthier.cli.errors import Refusal
from luthier.cli.live_page import LivePage, LiveStory
from luthier.cli.main import app
from luthier.trial.records import encode
from luthier.trial.report.page import page
from luthier.trial.report.view import moment
from support.stories import a_played_study, the_experiment
from support.studies import ToldStudy


def a_folder(told: ToldStudy, directory: Path) -> Path:
    """The folder of a local run that wrote these records."""
    directory.mkdir()
    results.keep_experiment(directory, the_experiment(told), manifest=directory / "m.yaml", code=directory)
    (directory / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records)))
    return directory


def lines_of(told: ToldStudy):
    """The ledger as it is read: whole lines after a number of bytes."""

    def lines(after: int) -> list[bytes]:
        return b"".join(map(encode, told.records))[after:].splitlines(keepends=True)

    return lines


@pytest.fixture
def told() -> ToldStudy:
    return a_played_study(SchedulerKind.ASHA)


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


def test_a_folders_report_lies_in_the_folder(told, tmp_path):
    folder = a_folder(told, tmp_path / "told-1")
    assert call("report", folder).strip() == str(folder / "report.html")
    assert "<h1>told" in (folder / "report.html").read_text()


def test_a_report_goes_where_it_is_told_to(told, tmp_path):
    call("report", a_folder(told, tmp_path / "told-1"), "-o", tmp_path / "other.html")
    assert (tmp_path / "other.html").exists()
    assert not (tmp_path / "told-1" / "report.html").exists()


def test_a_program_is_told_where_report_and_export_went(told, tmp_path):
    folder = a_folder(told, tmp_path / "told-1")
    assert json.loads(call("report", folder, "--json")) == {"report": str(folder / "report.html")}
    out = str(tmp_path / "out")
    assert json.loads(call("export", folder, out, "-o", "json")) == {"export": out, "form": "csv"}


def test_a_program_is_told_the_address_of_the_page_and_no_browser_opens(told, tmp_path):
    command = [Path(sys.executable).parent / "luthier", "ui", a_folder(told, tmp_path / "told-1"), "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            url = json.loads(served.stdout.readline())["url"]
            assert "<h1>told" in urllib.request.urlopen(url).read().decode()
        finally:
            served.terminate()
    assert served.returncode == 0


def test_a_report_is_made_where_there_is_no_ray(told, tmp_path):
    folder = a_folder(told, tmp_path / "told-1")
    code = "import sys; sys.modules['ray'] = None; from luthier.cli.main import app; app(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, "report", folder], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "report.html").exists()


def test_a_place_that_cannot_be_written_is_said(told, tmp_path):
    said = call("report", a_folder(told, tmp_path / "told-1"), "-o", tmp_path / "no" / "such.html", code=2)
    assert "can't be written" in said


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("csv", {"trials.csv", "results.csv"}),
        ("parquet", {"trials.parquet", "results.parquet"}),
        ("optuna", {"study.db"}),
        ("mlflow", {"mlflow.db"}),
    ],
)
def test_an_export_goes_to_a_folder(told, tmp_path, form, files):
    call("export", a_folder(told, tmp_path / "told-1"), tmp_path / "out", "--to", form)
    assert {path.name for path in (tmp_path / "out").iterdir()} == files


def test_tables_go_to_no_url(told, tmp_path):
    said = call("export", a_folder(told, tmp_path / "told-1"), "http://tables", "--to", "csv", code=2)
    assert "goes to a folder" in said


def test_what_another_tool_refuses_is_one_sentence(told, tmp_path):
    url = f"sqlite:///{tmp_path}/no/such/study.db"
    said = call("export", a_folder(told, tmp_path / "told-1"), url, "--to", "optuna", code=1)
    assert "optuna does not take it" in said


def test_a_folder_that_is_none_of_ours_is_said(tmp_path):
    assert "was not made by" in call("report", tmp_path, code=2)


class TestTheLivePage:
    @pytest.fixture
    def growing(self) -> ToldStudy:
        told = a_played_study(SchedulerKind.NONE)
        return told.again(upto=len(told.records) // 2)

    @pytest.fixture
    def live(self, growing):
        times = iter(range(1_000_000, 2_000_000, 10))
        page = LivePage(LiveStory(the_experiment(growing), lines_of(growing), lambda: next(times)))
        yield page
        page.close()

    def test_shows_what_has_come_since(self, live, growing):
        before = json.loads(urllib.request.urlopen(live.url + "content").read())
        growing.begins()
        trial = growing.starts_all()[-1]
        growing.reports(trial, 123456.0)
        after = json.loads(urllib.request.urlopen(live.url + "content").read())
        assert "123456" not in before["html"]
        assert "123456" in after["html"]
        assert after["live"] is True

    def test_what_could_not_be_read_is_read_again_and_shown_once(self, growing):
        """A line that is refused comes whole a moment later, say after a look into a file that is being copied."""
        damaged = [True]

        def lines(after: int) -> list[bytes]:
            whole = lines_of(growing)(after)
            return [*whole, b"no record\n"] if damaged[0] else whole

        times = iter(range(1_000_000, 2_000_000, 10))
        story = LiveStory(the_experiment(growing), lines, lambda: next(times))
        with pytest.raises(Refusal, match="is no record"):
            story.view()
        damaged[0] = False
        assert story.view() == LiveStory(the_experiment(growing), lines_of(growing), lambda: 1_000_010).view()

    def test_is_whole_at_its_own_address(self, live):
        body = urllib.request.urlopen(live.url).read().decode()
        assert body.rstrip().endswith("</html>")
        assert "connect-src 'self'" in html.unescape(body)

    def test_is_nowhere_else(self, live):
        root = live.url.rsplit("/", 2)[0]
        for path in ("/", "/content", "/report", "/guess/content"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(root + path)

    def test_listens_to_this_machine_alone(self, live):
        assert live.url.startswith("http://127.0.0.1:")


def seconds_apart(seconds: int):
    return iter(range(1_000_000, 2_000_000, seconds)).__next__


def test_of_what_has_ended_nothing_is_read_twice(told):
    asked: list[int] = []

    def lines(after: int) -> list[bytes]:
        asked.append(after)
        return lines_of(told)(after)

    story = LiveStory(the_experiment(told), lines, clock=seconds_apart(100))
    assert story.view() == story.view()
    assert asked == [0, len(b"".join(map(encode, told.records)))]


def test_many_who_look_at_once_are_one_look(told):
    asked: list[int] = []

    def lines(after: int) -> list[bytes]:
        asked.append(after)
        return lines_of(told)(after)

    story = LiveStory(the_experiment(told), lines, clock=lambda: 1_000_000)
    assert story.view() is story.view()
    assert asked == [0]


def test_a_page_that_can_not_be_made_fresh_stays_and_says_why():
    told = a_played_study(SchedulerKind.NONE)
    growing = told.again(upto=len(told.records) // 2)
    away: list[str] = []

    def lines(after: int) -> list[bytes]:
        if away:
            raise Refusal(away[0])
        return lines_of(growing)(after)

    story = LiveStory(the_experiment(growing), lines, clock=seconds_apart(10))
    seen = story.view()
    away.append("The cluster does not answer.")
    assert story.view().notice == "The cluster does not answer. This is what was seen last."
    assert story.view().rows == seen.rows
    away.clear()
    assert story.view().notice == ""


def test_a_page_of_which_nothing_was_ever_seen_is_none(told):
    def lines(_after: int) -> list[bytes]:
        raise Refusal("It has not begun.")

    with pytest.raises(Refusal, match="not begun"):
        LiveStory(the_experiment(told), lines).view()


def test_what_rests_says_so_and_its_time_stands_still_until_the_end_is_seen():
    told = a_played_study(SchedulerKind.NONE)
    growing = told.again(upto=len(told.records) // 2)
    notice = "No driver runs: Suspended"
    story = LiveStory(the_experiment(told), lines_of(growing), clock=seconds_apart(10), notice=lambda: notice)
    assert (story.view().notice, story.view().made) == (notice, moment(growing.records[-1].time))
    assert notice in page(story.view(), is_served=True)
    whole = LiveStory(the_experiment(told), lines_of(told), clock=seconds_apart(10), notice=lambda: notice)
    assert whole.view().notice == ""
