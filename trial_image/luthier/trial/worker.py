"""The worker pod's program: one Ray node that joins the driver's head and holds trials.

`python -m luthier.trial.worker`. It ends when the head is gone.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time

from luthier.api.keys import ENV_HEAD
from luthier.trial.ray_node import resource_flags, start_command
from luthier.trial.run import QUIET

LOGGER = logging.getLogger("luthier.worker")
PATIENCE_SECONDS = 300.0


def main() -> None:
    """Wait for the head, then become `ray start --block`."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    head = os.environ[ENV_HEAD]
    _wait_for(head)
    command = start_command(f"--address={head}", "--block", *resource_flags())
    os.execv(command[0], command)  # noqa: S606 - the pod's process becomes Ray's, so that it gets the signals


def _wait_for(head: str) -> None:
    host, port = head.rsplit(":", 1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError as error:
            if time.monotonic() > deadline:
                LOGGER.error("no Ray head at %s: %s", head, error)  # noqa: TRY400 - the sentence says it all
                sys.exit(1)
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
