"""Experiments of a table, begun a little before their test: starting Ray takes longer than most of them run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

import pytest

from install import Installed
from support.e2e_place import Place, a_place

Row = TypeVar("Row")


class Relay(Generic[Row]):
    """Hands out places in the order of the table; the next ones are under way already."""

    def __init__(
        self, cluster: Installed, rows: Sequence[tuple[str, Row]], begin: Callable[[Place, Row], None]
    ) -> None:
        """Take rows by name, and what begins one in its place."""
        self._cluster = cluster
        self._rows = list(rows)
        self._begin = begin
        self._places: dict[str, Place] = {}
        self._stacks: dict[str, ExitStack] = {}

    def take(self, name: str, *, ahead: int) -> Place:
        """Return the place of a row, begun now at the latest, and begin this many of those after it."""
        names = [known for known, _ in self._rows]
        at = names.index(name)
        for row_name, row in self._rows[at : at + 1 + ahead]:
            if row_name not in self._places:
                stack = self._stacks[row_name] = ExitStack()
                self._places[row_name] = stack.enter_context(a_place(self._cluster, row_name))
                self._begin(self._places[row_name], row)
        return self._places[name]

    def leave(self, name: str) -> None:
        """Delete a row's namespace."""
        stack = self._stacks.pop(name, None)
        if stack is not None:
            stack.close()

    def close(self) -> None:
        """Delete all that are left."""
        for name in list(self._stacks):
            self.leave(name)


def chosen(request: pytest.FixtureRequest, parameter: str) -> list[Any]:
    """Return the values that a parameter will take in the tests of this module that were selected, in order."""
    items = [item for item in request.session.items if item.path == request.path]
    return [item.callspec.params[parameter] for item in items if hasattr(item, "callspec")]
