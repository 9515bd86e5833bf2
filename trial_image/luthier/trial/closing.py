"""What is done once an experiment has ended, before anybody hears of it: report and exports, beside its ledger.

It happens in a process of its own, for a bounded time: no page is worth an experiment's end.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from luthier.api.manifest import Experiment, load, parse
from luthier.trial import ledger

REPORT_FILE = "report.html"
LOGGER = logging.getLogger("luthier.closing")
SECONDS = 60.0


def begin_closing(experiment_file: Path, directory: Path, seconds: float = SECONDS) -> Callable[[], bool]:
    """Begin it in a child process; return how to wait for it, which tells whether there is a report.

    Neither raises, and the child is ended when it has had its seconds.
    """
    command = [sys.executable, "-m", "luthier.trial.closing", str(experiment_file), str(directory)]
    end = time.monotonic() + seconds
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command
    except OSError as error:
        LOGGER.warning("there is no report: %s", error)
        return lambda: False

    def wait() -> bool:
        try:
            return child.wait(max(0.0, end - time.monotonic())) == 0
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            LOGGER.warning("the report took more than %s seconds; `luthier report` makes it from the ledger", seconds)
            return False

    return wait


def close(experiment: Experiment, directory: Path) -> bool:
    """Write report and exports; return whether there is a report. What goes wrong is told in the log."""
    is_there = close_without_exports(experiment, directory)
    if not is_there or not experiment.spec.exports:
        return is_there
    try:
        from luthier.trial.report.making import write_page

        write_page(experiment, directory, directory / REPORT_FILE, exports=export(experiment, directory))
    except Exception as error:  # the page without exports is there
        LOGGER.warning("the report does not tell of the exports: %s: %s", type(error).__name__, error)
    return True


def close_without_exports(
    experiment: Experiment, directory: Path, output: Path | None = None, now: float | None = None
) -> bool:
    """Write the report; return whether there is one. What goes wrong is told in the log.

    Args:
        experiment: whose.
        directory: with its ledger.
        output: the page; by default in the directory.
        now: time of the look at an experiment that still runs, in seconds since the epoch.
    """
    try:
        from luthier.trial.report.making import write_page

        write_page(experiment, directory, output or directory / REPORT_FILE, now)
    except Exception as error:  # the experiment has ended well without it
        LOGGER.warning("there is no report: %s: %s", type(error).__name__, error)
        return False
    return True


def export(experiment: Experiment, directory: Path) -> list[tuple[str, str, str]]:
    """Write the exports that the manifest names; return for each its name, its type and how it went.

    Raises:
        BrokenLedger: the ledger can't be read.
    """
    from luthier.trial.exports.exporting import write_exports
    from luthier.trial.story import story_of

    records = list(ledger.read(directory))
    return write_exports(story_of(experiment, records), records, directory)


def main() -> int:
    """Close the experiment that the arguments name, or write its page to a third; return 0 if all went well."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    be_the_first_to_go()
    (document,) = load(Path(sys.argv[1]))
    experiment, directory = parse(document), Path(sys.argv[2])
    if len(sys.argv) > 3:
        os.nice(10)  # somebody looks; the search goes first
        return 0 if close_without_exports(experiment, directory, Path(sys.argv[3]), time.time()) else 1
    return 0 if close(experiment, directory) else 1


def be_the_first_to_go() -> None:
    """Let the kernel end this process before any other of the pod, if there is too little memory."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError as error:
        LOGGER.debug("the kernel does not take a preference: %s", error)


if __name__ == "__main__":
    sys.exit(main())
