"""What kopf is to remember on the objects that it watches: nothing.

It would compare each object with how it last was handled, and clear handlers' progress out of copies of it, three deep
copies an event. Nothing here is handled by difference, and on a list of thousands that is half of kopf's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf


class NoDifferences(kopf.DiffBaseStorage):
    """Every object is as it always was."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Return what is compared of an object."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return what was compared before."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """No handler has a progress."""

    def fetch(self, *, key: kopf.HandlerId, body: kopf.Body) -> None:
        """Return nothing."""

    def store(self, *, key: kopf.HandlerId, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Keep nothing."""

    def purge(self, *, key: kopf.HandlerId, body: kopf.Body, patch: kopf.Patch) -> None:
        """Take nothing away."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Mark nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Return what is compared as it is."""
        return essence
