"""Experiments and their pods as last seen: filled by the watch, by answers to our own writes, and by lists.

An older copy never replaces a newer one, whatever the order in which they arrive.

What is kept is text, which takes less room than dictionaries, and of a long list holds on to nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from luthier.api import keys
from luthier.operator.manifests.names import ANNOTATION_RESTARTS

Json = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name of an experiment."""
Owner = tuple[str, str]
"""Namespace and uid of an experiment. Labels are anybody's to write, so a pod counts only in its own namespace."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One object."""

    uid: str
    version: int
    text: bytes

    @classmethod
    def of(cls, body: Json) -> Kept:
        """Return an object as it is kept."""
        return cls(uid_of(body), version_of(body), json.dumps(body, separators=(",", ":")).encode())

    def body(self) -> Json:
        """Return the object."""
        found: Json = json.loads(self.text)
        return found


class Cache:
    """What is known of the cluster without asking."""

    def __init__(self) -> None:
        self._experiments: dict[Key, Kept] = {}
        self._pods: dict[Owner, dict[str, Kept]] = {}
        self.listing = 0
        """Grows when the watch of pods had to begin with a new list: what went away in between was not told."""

    def experiment(self, key: Key) -> Json | None:
        """Return an experiment, if it is known."""
        known = self._experiments.get(key)
        return known.body() if known else None

    def experiments(self) -> list[Kept]:
        """Return all experiments."""
        return list(self._experiments.values())

    def pods(self, owner: Owner) -> list[Json]:
        """Return the known pods of an experiment."""
        return [pod.body() for pod in self._pods.get(owner, {}).values()]

    def keep_experiment(self, body: Json) -> None:
        """Take over an experiment unless a newer copy is known."""
        key = key_of(body)
        known = self._experiments.get(key)
        if known is None or known.uid != uid_of(body) or known.version <= version_of(body):
            self._experiments[key] = Kept.of(without_ballast(body))

    def drop_experiment(self, body: Json) -> None:
        """Forget an experiment, unless its name has passed to another one."""
        known = self._experiments.get(key_of(body))
        if known is not None and known.uid == uid_of(body):
            del self._experiments[key_of(body)]

    def keep_pod(self, body: Json) -> None:
        """Take over a pod unless a newer copy is known."""
        pods = self._pods.setdefault(owner_of(body), {})
        known = pods.get(uid_of(body))
        if known is None or known.version <= version_of(body):
            pods[uid_of(body)] = Kept.of(bare_pod(body))

    def drop_pod(self, body: Json) -> None:
        """Forget a pod."""
        pods = self._pods.get(owner_of(body), {})
        pods.pop(uid_of(body), None)
        if not pods:
            self._pods.pop(owner_of(body), None)

    def replace_pods(self, owner: Owner, listed: list[Json], known_before: set[str]) -> None:
        """Take a list for the truth: whatever was known before it was asked for and is not in it is gone.

        A watch that had to begin anew does not tell what went away in between.
        """
        for body in listed:
            self.keep_pod(body)
        still_there = {uid_of(body) for body in listed}
        pods = self._pods.get(owner, {})
        for uid in known_before - still_there:
            pods.pop(uid, None)


def key_of(body: Json) -> Key:
    """Return an experiment's key."""
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def experiment_key_of(pod: Json) -> Key:
    """Return the key of the experiment that a pod belongs to."""
    metadata = pod["metadata"]
    return metadata.get("namespace", ""), (metadata.get("labels") or {}).get(keys.LABEL_EXPERIMENT, "")


def owner_of(pod: Json) -> Owner:
    """Return the experiment that a pod says it belongs to."""
    metadata = pod["metadata"]
    return metadata.get("namespace", ""), (metadata.get("labels") or {}).get(keys.LABEL_UID, "")


def uid_of(body: Json) -> str:
    """Return an object's uid."""
    return str(body["metadata"].get("uid", ""))


def version_of(body: Json) -> int:
    """Return an object's resource version; larger is newer."""
    text = str(body["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


def without_ballast(body: Json) -> Json:
    """Return an experiment without what only the API server reads."""
    return {**body, "metadata": {key: value for key, value in body["metadata"].items() if key != "managedFields"}}


def bare_pod(body: Json) -> Json:
    """Return of a pod only what is read: labels, times and status."""
    metadata = body["metadata"]
    kept = {
        name: metadata[name]
        for name in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "labels",
            "creationTimestamp",
            "deletionTimestamp",
            "ownerReferences",
        )
        if name in metadata
    }
    annotations = metadata.get("annotations") or {}
    if ANNOTATION_RESTARTS in annotations:
        kept["annotations"] = {ANNOTATION_RESTARTS: annotations[ANNOTATION_RESTARTS]}
    return {"metadata": kept, "status": body.get("status") or {}}
