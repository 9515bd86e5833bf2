"""The driver pod's program: a Ray head, the search, and the window through which it is watched.

`python -m luthier.trial.driver`. All it is told comes from the environment and two mounted
files; it has no API credentials. How it ends is its exit code and, when the search has an
outcome, the termination message.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from prometheus_client import disable_created_metrics

from luthier.api import keys, wire
from luthier.api.keys import Exit
from luthier.api.manifest import Experiment, ManifestError, load, parse
from luthier.trial.archive import Archive
from luthier.trial.closing import begin_closing
from luthier.trial.errors import BadExperiment, BrokenLedger, Fenced, NewerLedger, StorageFull, StorageNotWritable
from luthier.trial.exports.periodic import PeriodicExports
from luthier.trial.nodes import Nodes
from luthier.trial.ray_node import (
    HEALTH_CHECKS,
    LOOPBACK_ONLY,
    TOKEN_PATH,
    holds_trials,
    resource_flags,
    start_command,
    warm_start,
)
from luthier.trial.ray_tls import write_certificate
from luthier.trial.report_page import ReportPage
from luthier.trial.server import ProgressServer

LOGGER = logging.getLogger("luthier.driver")
MESSAGE_CHARACTERS = 1000
"""Of an error, in four bytes each, is what a kubelet keeps."""
SEEN_SECONDS = 20.0
PATIENCE_SECONDS = 3.0
"""For exports that are at work when the search ends; whoever writes all of them then goes on from where they were."""
TERMINATION_FILE = Path("/dev/termination-log")


def main() -> int:
    """Run the experiment that the environment names and return the exit code."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    leave_when_told()
    disable_created_metrics()
    nodes = Nodes()
    node_token = Path(os.environ[TOKEN_PATH]).read_text().strip()
    progress_token = Path(os.environ[keys.ENV_TOKEN_FILE]).read_text().strip()
    server = ProgressServer(keys.PORT_PROGRESS, progress_token, node_token=node_token, nodes=nodes)
    try:
        head = _start_head(node_token)
        return _drive(head, server, nodes)
    except (NewerLedger, StorageFull, StorageNotWritable) as error:
        LOGGER.error("%s", error)  # noqa: TRY400 - the sentence says it all
        _leave(f"{type(error).__name__}: {error}".encode())
        return Exit.CRASHED
    except (BadExperiment, BrokenLedger, ManifestError) as error:
        LOGGER.error("%s", error)  # noqa: TRY400 - the user can mend this; a traceback would hide it
        _leave(str(error)[:MESSAGE_CHARACTERS].encode())
        return Exit.BAD_EXPERIMENT
    except Fenced as error:
        LOGGER.warning("%s", error)
        return Exit.FENCED
    except OSError as error:  # a lost disk; the next attempt may find it mended
        LOGGER.exception("the driver could not go on")
        _leave(f"{type(error).__name__}: {error}".encode())
        return Exit.CRASHED
    finally:
        server.close()


def leave_when_told() -> None:
    """Let SIGTERM end this process while there is nothing to save yet; a process 1 would not even hear of it."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        sys.exit(Exit.INTERRUPTED)

    signal.signal(signal.SIGTERM, leave)


def _drive(head: subprocess.Popen[bytes], server: ProgressServer, nodes: Nodes) -> int:
    experiment = _read_experiment()
    from luthier.trial.engine import Engine
    from luthier.trial.run import importable, stopping

    directory = Path(os.environ[keys.ENV_STORAGE])
    server.archive = Archive(directory)
    attempt, previous_end = int(os.environ[keys.ENV_ATTEMPT]), os.environ.get(keys.ENV_PREVIOUS_END, "")
    server.page.begin(experiment.metadata.name, experiment.spec.driver.metrics)
    file = Path(os.environ[keys.ENV_EXPERIMENT_FILE])
    server.report = ReportPage(file, directory)
    exports = PeriodicExports(experiment, file, directory)

    def at_end() -> Callable[[], str]:
        exports.close(PATIENCE_SECONDS)
        return begin_closing(file, directory)

    engine = Engine(
        experiment,
        directory,
        attempt,
        server.publish,
        nodes,
        previous_end,
        server.page,
        at_end=at_end,
        on_the_way=exports.look,
    )
    server.take_budgets(engine.change_budget)
    with importable(Path(keys.MOUNT_CODE) if experiment.spec.trial.source else None), stopping(engine):
        _join(head)
        report = engine.run()
    nodes.dismiss()
    if report.outcome is None:
        LOGGER.info("interrupted; the ledger goes on in the next attempt")
        return Exit.INTERRUPTED
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is over, and only waits to be read
    LOGGER.info("%s: %s", report.outcome.reason, report.outcome.message)
    _leave(wire.encode_termination(report))
    server.wait_until_seen(SEEN_SECONDS)
    return Exit.OK


def _start_head(token: str) -> subprocess.Popen[bytes]:
    flags = ["--head", f"--port={keys.PORT_RAY}", "--include-dashboard=false", "--no-monitor", *resource_flags()]
    if holds_trials():
        os.environ |= LOOPBACK_ONLY
    else:
        ip = os.environ[keys.ENV_POD_IP]
        flags.append(f"--node-ip-address={ip}")
        write_certificate(token, (ip, os.environ[keys.ENV_HEAD].rpartition(":")[0]))
    environment = HEALTH_CHECKS | warm_start() | os.environ
    return subprocess.Popen(start_command(*flags), stdout=sys.stderr, env=environment)  # noqa: S603 - our own command


def _join(head: subprocess.Popen[bytes]) -> None:
    import ray

    code = head.wait()
    if code:
        raise RuntimeError(f"the Ray head did not start: exit code {code}")
    ray.init(address=f"127.0.0.1:{keys.PORT_RAY}", log_to_driver=False, logging_level=logging.WARNING)


def _read_experiment() -> Experiment:
    (document,) = load(Path(os.environ[keys.ENV_EXPERIMENT_FILE]))
    return parse(document)


def _leave(words: bytes) -> None:
    """Leave a termination message, which the kubelet keeps with the pod."""
    try:
        TERMINATION_FILE.write_bytes(words)
    except OSError as error:
        LOGGER.warning("no termination message could be left: %s", error)


if __name__ == "__main__":
    sys.exit(main())
