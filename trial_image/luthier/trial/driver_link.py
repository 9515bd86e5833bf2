"""How a worker pod speaks to its driver. Standard library only: the pod's memory is the trial's."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

ANSWER_SECONDS = 2.0
MAX_ANSWER_BYTES = 4096


@dataclass(frozen=True)
class Said:
    """How the driver took a word."""

    is_heard: bool
    may_leave: bool
    """No trial is left on this node, or there is no driver any more that would know of one."""


@dataclass(frozen=True)
class DriverLink:
    """Says to a driver, at `host:port`, what only this pod knows."""

    address: str
    token: str
    pod: str
    uid: str
    ip: str

    def say(self, oom_kills: int, *, is_leaving: bool) -> Said:
        """Say how it stands; a driver that does not answer is asked again later."""
        word = {"name": self.pod, "uid": self.uid, "ip": self.ip, "oomKills": oom_kills, "isLeaving": is_leaving}
        try:
            answer = self._put(f"/nodes/{self.pod}", json.dumps(word))
        except ConnectionRefusedError:
            return Said(is_heard=False, may_leave=True)
        except (OSError, http.client.HTTPException, ValueError):
            return Said(is_heard=False, may_leave=False)
        return Said(is_heard=True, may_leave=answer.get("mayLeave") is True)

    def _put(self, path: str, body: str) -> dict[str, object]:
        host, _, port = self.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("PUT", path, body, headers)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER_BYTES)
            if answer.status != http.client.OK:
                raise ValueError(f"{answer.status}: {data!r}")
            found = json.loads(data)
            return found if isinstance(found, dict) else {}
        finally:
            connection.close()
