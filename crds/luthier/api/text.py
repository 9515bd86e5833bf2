"""Words of strangers, made fit to be stored and shown."""

from __future__ import annotations

import re

STEERING = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, movements
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, clipboard: a text of their own, to its end
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
"""What a terminal obeys instead of showing it, by ECMA-48; new lines and tabs stay."""


def printable(text: str) -> str:
    """Return a text that JSON can hold and a terminal only shows: no half characters, nothing that steers it."""
    return STEERING.sub("", text.encode(errors="replace").decode())
