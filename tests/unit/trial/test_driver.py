"""The driver pod's own process, before there is a search."""

from __future__ import annotations

import subprocess
import sys

from luthier.api.keys import Exit

A_DRIVER_THAT_STARTS = """
from threading import Event
from luthier.trial.driver import leave_when_told
leave_when_told()
print("ready", flush=True)
while not Event().wait(0.1):  # a signal that comes right before a wait without end is not looked at until its end
    pass
"""


def test_a_driver_that_is_told_to_end_while_it_starts_leaves_at_once_to_go_on_another_time():
    command = [sys.executable, "-c", A_DRIVER_THAT_STARTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(30) == Exit.INTERRUPTED
