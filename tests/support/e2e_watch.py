"""What happened to a kind of object, in order and with the time: `kubectl get --watch`, read in the background."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Sight:
    """One event of a watch."""

    time: float
    """Seconds since the epoch at which it was heard of."""
    kind: str
    """ADDED, MODIFIED or DELETED."""
    object: Json


@dataclass
class Sights:
    """All events so far; grows while the watch is open."""

    seen: list[Sight] = field(default_factory=list)

    def of(self, name: str) -> list[Sight]:
        """Return those of one object."""
        return [sight for sight in self.seen if sight.object["metadata"]["name"] == name]

    def uids(self) -> dict[str, set[str]]:
        """Return the uids that each name has had."""
        found: dict[str, set[str]] = {}
        for sight in self.seen:
            found.setdefault(sight.object["metadata"]["name"], set()).add(sight.object["metadata"]["uid"])
        return found


@contextmanager
def watching(kubectl: Path, environment: dict[str, str], *arguments: str) -> Iterator[Sights]:
    """Watch what `kubectl get` with these arguments names, for as long as the block lasts."""
    command = [str(kubectl), "get", *arguments, "--watch", "--output-watch-events", "--output=json"]
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    sights = Sights()
    reader = threading.Thread(target=_read, args=(process, sights), daemon=True)
    reader.start()
    try:
        yield sights
    finally:
        process.terminate()
        process.wait()
        reader.join()


def _read(process: subprocess.Popen[str], sights: Sights) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        sights.seen.append(Sight(time.time(), event["type"], event["object"]))
