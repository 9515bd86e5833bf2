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


def test_of_what_has_ended_the_ledger_is_read_once(told):
    asked: list[int] = []

    def lines(after: int) -> list[bytes]:
        asked.append(after)
        return lines_of(told)(after)

    story = LiveStory(the_experiment(told), lines, clock=iter(range(100, 10_000, 100)).__next__)
    assert story.view() is story.view()
    assert asked == [0]
