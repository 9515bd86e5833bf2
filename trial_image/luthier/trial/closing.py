"""What is done once an experiment has ended, before anybody hears of it: its report beside its ledger.

It happens in a process of its own, for a bounded time: no page is worth an experiment's end.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from luthier.api.manifest import Experiment, load, parse

LOGGER = logging.getLogger("luthier.closing")
SECONDS = 60.0


def close_in_child(experiment_file: Path, directory: Path, seconds: float = SECONDS) -> bool:
    """Do it in a child process; return whether all went well. Never raises, and takes no longer than `seconds`."""
    command = [sys.executable, "-m", "luthier.trial.closing", str(experiment_file), str(directory)]
    try:
        done = subprocess.run(command, timeout=seconds, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        LOGGER.warning("the report was given up after %s seconds; `luthier report` makes it from the ledger", seconds)
        return False
    except OSError as error:
        LOGGER.warning("there is no report: %s", error)
        return False
    return done.returncode == 0


def close(experiment: Experiment, directory: Path) -> bool:
    """Write the report; return whether all went well. What goes wrong is told in the log."""
    try:
        from luthier.trial.report.making import REPORT_FILE, write_page

        write_page(experiment, directory, directory / REPORT_FILE)
    except Exception as error:  # the experiment has ended well without it
        LOGGER.warning("there is no report: %s: %s", type(error).__name__, error)
        return False
    return True


def main() -> int:
    """Close the experiment that the arguments name; return 0 if all went well."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    be_the_first_to_go()
    (document,) = load(Path(sys.argv[1]))
    return 0 if close(parse(document), Path(sys.argv[2])) else 1


def be_the_first_to_go() -> None:
    """Let the kernel end this process before any other of the pod, if there is too little memory."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError as error:
        LOGGER.debug("the kernel does not take a preference: %s", error)


if __name__ == "__main__":
    sys.exit(main())
