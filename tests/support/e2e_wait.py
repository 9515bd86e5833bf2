"""Waiting for a cluster: look, and look again, until a deadline. Nothing else in the end-to-end tests sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.4


class TooLate(AssertionError):
    """It did not come about in time; the message says what, and what was seen last."""


def until(what: str, look: Callable[[], T | None], *, within: float) -> T:
    """Return the first answer of `look` that is true.

    Args:
        what: a sentence that should hold, for the message.
        look: asked at once, then again after a short pause.
        within: seconds.

    Raises:
        TooLate: no answer was true in time.
    """
    began = time.monotonic()
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() - began > within:
            raise TooLate(f"not within {within:g} seconds: {what}; last seen: {answer!r}")
        time.sleep(PAUSE_SECONDS)
