"""The worker pod's program: keeps one Ray node running that joins the driver's head and holds trials.

`python -m luthier.trial.worker`. It stays process 1 and is small: it tells the driver what only the pod knows
(that it was told to end, that the kernel killed for memory), and leaves when no trial is left on it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from luthier.api import keys
from luthier.trial.cgroup import oom_kills
from luthier.trial.driver_link import DriverLink, Said
from luthier.trial.ray_node import QUIET, TOKEN_PATH, resource_flags, start_command, warm_start
from luthier.trial.ray_tls import write_certificate

LOGGER = logging.getLogger("luthier.worker")
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.5
END_SECONDS = 3.0
"""Of the grace, kept for Ray to end its processes."""
SILENCE_SECONDS = 5.0
"""A driver that says nothing for so long is gone with its trials, and nobody waits for it."""
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
AT_ONCE = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
"""Ray's own wait for a node to drain would come on top of ours."""


def main() -> int:
    """Wait for the head, keep a Ray node until it ends or the pod has to; return the exit code."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    listen()
    environment = os.environ
    pod, uid, ip = environment[keys.ENV_POD], environment[keys.ENV_POD_UID], environment[keys.ENV_POD_IP]
    token = Path(environment[TOKEN_PATH]).read_text().strip()
    write_certificate(token, (ip,))
    head = environment[keys.ENV_HEAD]
    code = _wait_for(head)
    if code is not None:
        return code
    link = DriverLink(environment[keys.ENV_DRIVER], token, pod, uid, ip)
    flags = [f"--address={head}", f"--node-ip-address={ip}", "--block", *resource_flags()]
    return Supervisor(link, float(environment[keys.ENV_GRACE])).run(start_command(*flags))


def listen() -> None:
    """Let signals wait until they are asked for: a process 1 without handlers would not hear of them at all."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


class Supervisor:
    """Minds one child, and speaks for the pod."""

    def __init__(self, link: DriverLink, grace_seconds: float, count_kills: Callable[[], int] = oom_kills) -> None:
        """Speak over a link; between being told to end and being killed there is this time."""
        self._link = link
        self._count_kills = count_kills
        self._grace_seconds = grace_seconds
        self._leave_by: float | None = None
        self._heard_kills = -1
        self._heard_at = 0.0

    def run(self, command: list[str]) -> int:
        """Run a command until it ends, or until the pod was told to end and may; return the exit code."""
        environment = QUIET | warm_start() | os.environ | AT_ONCE
        child = os.posix_spawn(command[0], command, environment, setsigmask=())
        code = None
        while code is None:
            if _waited_for(LOOK_SECONDS) in (signal.SIGTERM, signal.SIGINT) and self._leave_by is None:
                LOGGER.info("told to end; waiting until no trial is left here")
                self._heard_at = time.monotonic()
                self._leave_by = self._heard_at + max(0.0, self._grace_seconds - 2 * END_SECONDS)
            code = _reap(child)
            if code is None and self._may_leave(self._speak()):
                code = _end(child)
        return code if self._leave_by is None else 0

    def _speak(self) -> Said | None:
        """Tell the driver what has changed; whoever waits to leave asks again and again."""
        kills, is_leaving = self._count_kills(), self._leave_by is not None
        if kills == self._heard_kills and not is_leaving:
            return None
        said = self._link.say(kills, is_leaving=is_leaving)
        if said.is_heard:
            self._heard_kills, self._heard_at = kills, time.monotonic()
        return said

    def _may_leave(self, said: Said | None) -> bool:
        if self._leave_by is None:
            return False
        now = time.monotonic()
        is_silent = now - self._heard_at > SILENCE_SECONDS
        return (said is not None and said.may_leave) or is_silent or now > self._leave_by


def _wait_for(head: str) -> int | None:
    """Wait until the head listens; return an exit code when that is in vain."""
    host, port = head.rsplit(":", 1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError as error:
            if time.monotonic() > deadline:
                LOGGER.error("no Ray head at %s: %s", head, error)  # noqa: TRY400 - the sentence says it all
                return 1
        else:
            return None
        if _waited_for(0.2) in (signal.SIGTERM, signal.SIGINT):
            return 0


def _waited_for(seconds: float) -> int | None:
    """Return a signal that came in this time, if one did."""
    info = signal.sigtimedwait(SIGNALS, seconds)
    return info.si_signo if info else None


def _reap(child: int) -> int | None:
    """Take leave of processes that have ended, orphans too; return the child's exit code if it is one of them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = _exit_code(status)


def _exit_code(status: int) -> int:
    """Return an exit code as a shell would, with signals from 128 on."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _end(child: int) -> int:
    """End the child, gently first; return its exit code."""
    deadline = time.monotonic() + END_SECONDS
    os.kill(child, signal.SIGTERM)
    while (code := _reap(child)) is None and time.monotonic() < deadline:
        _waited_for(0.1)
    if code is None:
        os.kill(child, signal.SIGKILL)
        code = _exit_code(os.waitpid(child, 0)[1])
    return code


if __name__ == "__main__":
    sys.exit(main())
