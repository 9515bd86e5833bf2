"""What is done at the end of an experiment never hurts it: real child processes, cut off, starved and killed."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading

import pytest

from luthier.api.catalogue import SchedulerKind
from luthier.api.exports import Export, ExportType
from luthier.trial.closing import MODULE, begin_closing
from luthier.trial.environment import environment
from luthier.trial.errand import AFTERWARDS_SECONDS, ENV_SECONDS, Errand
from luthier.trial.records import encode
from support.stories import a_played_study, the_experiment

MEBIBYTE = 1 << 20


def a_directory(tmp_path, *exports: Export):
    told = a_played_study(SchedulerKind.NONE, trials=4)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(map(encode, told.records)))
    file, experiment = tmp_path / "experiment.json", the_experiment(told)
    spec = experiment.spec.model_copy(update={"exports": list(exports)})
    file.write_text(json.dumps(experiment.model_copy(update={"spec": spec}).to_json()))
    return file


TABLES = Export(name="tables", type=ExportType.FILES)


def test_the_report_lies_beside_the_ledger_and_nothing_is_to_be_said(tmp_path):
    assert begin_closing(a_directory(tmp_path, TABLES), tmp_path, seconds=120, memory_bytes=1024 * MEBIBYTE)() == ""
    page = (tmp_path / "report.html").read_text()
    assert "<h1>told" in page
    assert "<td>tables</td><td>Files</td><td>written</td>" in page


def test_a_ledger_that_cannot_be_read_makes_no_report_and_no_trouble(tmp_path):
    file = a_directory(tmp_path, TABLES)
    (tmp_path / "ledger.jsonl").write_bytes(b"no record\n")
    said = begin_closing(file, tmp_path)()
    assert said.startswith("the report, export tables (Files): not written: BrokenLedger")
    assert not list(tmp_path.glob("report*"))


def test_it_takes_no_longer_than_it_may_and_says_so(tmp_path):
    assert "cut off after 0.01 seconds" in begin_closing(a_directory(tmp_path), tmp_path, seconds=0.01)()


@pytest.fixture
def deaf_server():
    """Takes connections and says nothing; yields its address and what is set once somebody asked."""
    asked, over = threading.Event(), threading.Event()

    class Deaf(socketserver.BaseRequestHandler):
        def handle(self):
            asked.set()
            over.wait()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Deaf)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    over.set()
    server.shutdown()
    server.server_close()


def test_one_that_is_killed_in_the_middle_leaves_a_page_that_says_what_is_not_finished(tmp_path, deaf_server):
    uri, asked = deaf_server
    lab = Export(name="lab", type=ExportType.MLFLOW, uri=uri)
    errand = Errand(MODULE, "close", str(a_directory(tmp_path, lab, TABLES)), str(tmp_path), seconds=120)
    assert asked.wait(90)
    errand.kill()
    assert errand.lacking() == ["export lab (MLflow): cut off: its process was ended by SIGKILL"]
    page = (tmp_path / "report.html").read_text()
    assert "<td>tables</td><td>Files</td><td>written</td>" in page  # what needs no server comes first
    assert "<td>lab</td><td>MLflow</td><td>not finished</td>" in page


def test_one_that_has_too_little_memory_fails_by_itself_and_says_so(tmp_path):
    said = begin_closing(a_directory(tmp_path), tmp_path, memory_bytes=60 * MEBIBYTE)()
    assert said.startswith("the report: not written: MemoryError")
    assert "`luthier report`" in said


def test_what_a_library_prints_goes_to_the_log_and_is_no_word():
    program = (
        "from luthier.trial.errand import teller; say = teller(); print('chatter', flush=True); say('it', 'written')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('["it", "written"]\n', "chatter\n")


def test_a_ctrl_c_reaches_the_parent_alone(tmp_path, monkeypatch):
    (tmp_path / "its_session.py").write_text(
        "import os; from luthier.trial.errand import teller; teller()('session', str(os.getsid(0)))"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    errand = Errand("its_session", seconds=60)
    errand.wait()
    (said,) = errand.lacking()
    assert said.removeprefix("session: ") not in (said, str(os.getsid(0)))


def test_an_attempt_says_what_it_runs_with():
    found = environment()
    assert {"python", "machine", "ray", "optuna", "luthier"} <= found.keys()


def test_a_signal_to_whoever_waits_takes_the_child_along(deaf_server, tmp_path):
    uri, asked = deaf_server
    lab = Export(name="lab", type=ExportType.MLFLOW, uri=uri)
    errand = Errand(MODULE, "close", str(a_directory(tmp_path, lab)), str(tmp_path), seconds=120)

    def interrupt():
        asked.wait(90)
        os.kill(os.getpid(), signal.SIGUSR1)

    def end(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, end)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            errand.wait()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert errand.is_over()
    assert errand.lacking() == ["export lab (MLflow): cut off: its process was ended by SIGKILL"]


def test_a_child_whose_parent_is_gone_ends_by_itself(monkeypatch):
    program = "import signal; from luthier.trial.errand import be_modest; be_modest(); print(signal.alarm(0))"
    for seconds in (0, 30):
        monkeypatch.setenv(ENV_SECONDS, str(seconds))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert 0 < int(done.stdout) <= seconds + AFTERWARDS_SECONDS
