"""What a trial prints, in its pod's log, each line behind the trial's name.

Ray keeps the output of its processes in files that end with the pod and that nobody sees. So each process of a
trial also writes to the output of the pod's first process. A log that takes no more, or a laptop without a pod,
costs the trial nothing: the line is left out.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any, TextIO

from ray import tune

from luthier.api.keys import ENV_SLOTS
from luthier.api.logs import line_of
from luthier.trial.trial_state import trial_of

POD_LOG = "/proc/1/fd/1"
MAX_CHARACTERS = 2000
"""Of a line; one write of it is whole though several processes write."""


RAYS_MARKS = (":actor_name:", ":task_name:", ":job_id:")
"""How lines begin that Ray writes between those of a trial, for its own reader of them."""


class Labelled:
    """A stream that passes on what is written, and copies each line to a log behind a name."""

    def __init__(self, stream: TextIO, log: int) -> None:
        """Copy to the file descriptor `log`."""
        self._stream = stream
        self._log = log
        self._begun = ""
        self._name = ""
        self._lock = threading.RLock()  # a trial's threads print, too, and a signal may come in the middle

    def rename(self, name: str) -> None:
        """Copy what comes from now on behind another name; what the other began ends here."""
        with self._lock:
            if self._begun:
                self._copy(self._begun)
            self._begun, self._name = "", name

    def write(self, text: str) -> int:
        """Write."""
        written = self._stream.write(text)
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._copy(line)
            if len(self._begun) > MAX_CHARACTERS:
                self._copy(self._begun)
                self._begun = ""
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some."""
        for line in lines:
            self.write(line)

    def _copy(self, line: str) -> None:
        if line.startswith(RAYS_MARKS):
            return
        text = line_of(self._name, line.rpartition("\r")[2][:MAX_CHARACTERS])  # of a bar that is redrawn, the last
        with contextlib.suppress(OSError):
            os.write(self._log, text.encode(errors="replace"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def heard_in_the_pods_log(trainable: type[tune.Trainable]) -> type[tune.Trainable]:
    """Return a trainable whose output stands in its pod's log, where there is a pod."""

    class Heard(trainable):
        def setup(self, config: dict[str, Any], *arguments: Any, **more: Any) -> None:
            speak_as(trial_of(self._storage.trial_dir_name))
            super().setup(config, *arguments, **more)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            speak_as(trial_of(self._storage.trial_dir_name))
            return super().reset_config(new_config)

    Heard.__name__ = Heard.__qualname__ = trainable.__name__
    return Heard


def speak_as(trial: str, path: str = POD_LOG) -> None:
    """Copy what this process prints from now on to its pod's log as a trial's."""
    if ENV_SLOTS not in os.environ:  # no pod of an experiment
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, Labelled):
            try:
                log = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND)
            except OSError:
                return
            stream = Labelled(stream, log)
            setattr(sys, name, stream)
        stream.rename(trial)
