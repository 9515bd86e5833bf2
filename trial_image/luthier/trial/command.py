"""A trial that is any program: parameters in, lines with metrics out.

Parameters come as `$(name)` in the arguments, as environment variables and as a JSON file;
each line that carries a metric is one report.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any

from ray import tune

from luthier.api.experiment import Trial
from luthier.api.keys import ENV_PARAMETER_PREFIX, ENV_PARAMETERS_FILE, ENV_TRIAL, MOUNT_CODE
from luthier.api.parameters import as_choice
from luthier.trial.metric_lines import MAX_LINE, parse_metrics
from luthier.trial.trial_state import trial_of

KEPT_LINES = 20
KEPT_REPORTS = 1000
GUARD = ["/bin/sh", "-c", 'read _; kill -KILL -- "-$1"', "guard"]
"""Ends a program's process group, whose number is its argument, when the process that started it dies, however."""
PARAMETERS_FILE = "parameters.json"
ENV_CODE = "LUTHIER_CODE"
REFERENCE = re.compile(r"\$\(([^()]+)\)")


class ProgramFailed(RuntimeError):
    """The trial's program ended with an error; holds its exit code and last lines."""


def command_trainable(trial: Trial) -> type[tune.Trainable]:
    """Return the class that runs a manifest's `command`, one program a trial."""

    class Command(Program):
        settings = trial

    return Command


class Program(tune.Trainable):
    """One run of the program; each `step` waits for its next report."""

    settings: Trial

    def setup(self, config: dict[str, Any]) -> None:
        """Start the program in the trial's own directory."""
        self._tail: deque[str] = deque(maxlen=KEPT_LINES)
        self._reports = Reports()
        directory = Path(self.logdir)
        _link_code(Path(os.environ.get(ENV_CODE, MOUNT_CODE)), directory)
        (directory / PARAMETERS_FILE).write_text(json.dumps(config))
        self._process = subprocess.Popen(  # noqa: S603 - running the user's program is the purpose
            fill_in(self.settings.command or [], config),
            cwd=directory,
            env=os.environ | environment(config, directory, trial_of(self.trial_id or "")),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._guard = subprocess.Popen(  # noqa: S603
            [*GUARD, str(self._process.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        threading.Thread(target=_end_group_with, args=(self._process,), daemon=True).start()
        file = directory / self.settings.metrics_file if self.settings.metrics_file else None
        listening = (self._process, file, self._reports, self._tail)
        threading.Thread(target=_listen, args=listening, daemon=True).start()

    def step(self) -> dict[str, Any]:
        """Return the next report, or the end of the program.

        Raises:
            ProgramFailed: the program ended with an exit code other than 0.
        """
        metrics = self._reports.get()
        if metrics is not None:
            return dict(metrics)
        code = self._process.wait()
        if code:
            raise ProgramFailed(f"exit code {code}; last lines:\n" + "\n".join(self._tail))
        return {"done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the program and start one for the next trial in the same process."""
        self.cleanup()
        self.setup(dict(new_config))
        return True

    def cleanup(self) -> None:
        """End the program and what it started."""
        self._reports.close()
        self._guard.kill()
        self._guard.communicate()
        if self._process.returncode is None:
            _end_group(self._process)
        self._process.wait()


class Reports:
    """A program's reports on their way to `step`; a program that is far ahead of it has to wait."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._queue: queue.Queue[dict[str, float] | None] = queue.Queue(KEPT_REPORTS)
        self._is_closed = threading.Event()

    def put(self, report: dict[str, float] | None) -> None:
        """Add a report, or None for the end, as soon as there is room."""
        while not self._is_closed.is_set():
            try:
                self._queue.put(report, timeout=1)
            except queue.Full:
                continue
            return

    def get(self) -> dict[str, float] | None:
        """Return the next one, waiting for it."""
        return self._queue.get()

    def close(self) -> None:
        """Let nobody wait for room any more."""
        self._is_closed.set()


def _listen(process: subprocess.Popen[str], file: Path | None, reports: Reports, tail: deque[str]) -> None:
    """Pass on what a program reports, in its output or in a file, and then that it has ended."""
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
    ended = threading.Event()
    watcher = threading.Thread(target=_follow, args=(file, reports, ended), daemon=True) if file else None
    if watcher:
        watcher.start()
    while line := process.stdout.readline(MAX_LINE):
        print(line, end="", flush=True)  # noqa: T201 - the program's output is the pod's log
        tail.append(line.rstrip()[:500])
        metrics = {} if file else parse_metrics(line)
        if metrics:
            reports.put(metrics)
    process.wait()
    ended.set()
    if watcher:
        watcher.join()
    reports.put(None)


def _end_group_with(process: subprocess.Popen[str]) -> None:
    """End what a program left behind when it ended: it holds the output open, and nobody waits for it."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # not reaped, so the group keeps its number
        _end_group(process)


def _end_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def fill_in(command: list[str], config: dict[str, Any]) -> list[str]:
    """Return the command with each `$(name)` replaced by the parameter's value; unknown names stay."""
    return [
        REFERENCE.sub(lambda m: as_choice(config[m[1]]) if m[1] in config else m[0], argument) for argument in command
    ]


def environment(config: dict[str, Any], directory: Path, trial: str) -> dict[str, str]:
    """Return the variables that tell a program its trial and parameters."""
    values = {f"{ENV_PARAMETER_PREFIX}{name}": as_choice(value) for name, value in config.items()}
    return values | {ENV_TRIAL: trial, ENV_PARAMETERS_FILE: str(directory / PARAMETERS_FILE)}


def _link_code(code: Path, directory: Path) -> None:
    if not code.is_dir():
        return
    for source in code.iterdir():
        target = directory / source.name
        if not source.name.startswith(("..", ".", "__pycache__")) and not target.exists():
            target.symlink_to(source)


def _follow(path: Path, reports: Reports, ended: threading.Event) -> None:
    """Report each whole line that appears in a file, until the program has ended and the file is read."""
    file: IO[str] | None = None
    rest = ""
    while True:
        is_last = ended.is_set()
        if file is None and path.exists():
            file = path.open(errors="replace")
        rest += file.read() if file else ""
        *lines, rest = rest.split("\n")
        for metrics in filter(None, map(parse_metrics, lines)):
            reports.put(metrics)
        if is_last:
            break
        ended.wait(0.1)
    final = parse_metrics(rest)
    if final:
        reports.put(final)
    if file:
        file.close()
