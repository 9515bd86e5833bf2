"""The reader pod's program: the archive of an experiment whose driver is gone, on the pod's loopback address.

`python -m luthier.trial.reader`. The command line makes such a pod for as long as it reads, and reaches it through
the API server's port forwarding; from the network nobody does.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from luthier.api import keys
from luthier.trial.archive import Archive
from luthier.trial.server import ProgressServer


def main() -> int:
    """Serve until told to end; return the exit code."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    token = Path(os.environ[keys.ENV_TOKEN_FILE]).read_text().strip()
    server = ProgressServer(keys.PORT_PROGRESS, token, "127.0.0.1")
    server.archive = Archive(Path(os.environ[keys.ENV_STORAGE]))
    ended.wait()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
