"""Following the logs of pods that come and go, until nothing more can come."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import urllib3.exceptions

from luthier.cli.errors import Refusal
from luthier.cli.log_lines import BEGIN, LogLine, Moment

PAUSE_SECONDS = 2.0
"""Between two looks at which pods there are; a pod's log is read from its beginning, so nothing is missed."""


@dataclass(frozen=True)
class Sight:
    """What there is to follow."""

    pods: frozenset[str] = frozenset()
    living: frozenset[str] = frozenset()
    """Those that may still say something."""
    is_over: bool = False
    """No other pod will come."""


class Follower:
    """Yields lines of all pods as they come, also of pods that come later."""

    def __init__(
        self,
        look: Callable[[], Sight],
        read: Callable[[str], Iterator[LogLine]],
        since: dict[str, Moment] | None = None,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Follow what `look` shows.

        Args:
            look: tells which pods there are; raises Refusal where there will be none.
            read: yields a pod's lines from its first on, until it ends or the connection breaks; from any thread.
            since: what was seen already, by pod.
            pause_seconds: between two looks.
        """
        self._look, self._read, self._pause = look, read, pause_seconds
        self._last = dict(since or {})
        self._sight = Sight()
        self._readers: dict[str, threading.Thread] = {}
        self._arrived: queue.Queue[LogLine] = queue.Queue(maxsize=10_000)

    def lines(self) -> Iterator[LogLine]:
        """Yield them; pods' own order is kept.

        Raises:
            Refusal: as `look` does.
        """
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:
                self._sight = self._look()
                self._begin()
                due = time.monotonic() + self._pause
            is_read = self._sight.is_over and not any(thread.is_alive() for thread in self._readers.values())
            try:
                yield self._arrived.get(timeout=0 if is_read else max(0.0, due - time.monotonic()))
            except queue.Empty:
                if is_read:
                    return

    def _begin(self) -> None:
        at_work = {pod for pod, thread in self._readers.items() if thread.is_alive()}
        ended = self._readers.keys() - at_work - self._sight.living  # one that lives has the name of one that has ended
        for pod in sorted(self._sight.pods - at_work - ended):
            self._readers[pod] = threading.Thread(target=self._follow, args=(pod,), daemon=True)
            self._readers[pod].start()

    def _follow(self, pod: str) -> None:
        """Read a pod until it has ended; a connection that breaks, or a container that has not begun, is no end."""
        while True:
            has_lived = pod in self._sight.living
            with contextlib.suppress(Refusal, urllib3.exceptions.HTTPError, OSError):
                for line in self._read(pod):
                    if line.moment == BEGIN:  # nobody knows when; it is rather said twice than not at all
                        self._arrived.put(line)
                    elif line.moment > self._last.get(pod, BEGIN):
                        self._arrived.put(line)
                        self._last[pod] = line.moment
            if not has_lived:
                return
            time.sleep(self._pause)
