"""How a trainable of the caller's reaches the trials: by its name, by hand, or as a file in a ConfigMap."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from luthier.cli.errors import Refusal

Trainable = str | Callable[..., Any] | type
HANDED = "luthier_handed"
"""Module that holds what was handed over; it is in this process only."""
MAX_BYTES = 900_000
"""A ConfigMap holds a mebibyte."""


@dataclass(frozen=True)
class SourceFile:
    """A Python file."""

    name: str
    text: str


def by_name(train: Trainable) -> str:
    """Return `module:attribute` for a local run; what no import finds is handed over in this process."""
    if isinstance(train, str):
        return train
    name = getattr(train, "__name__", type(train).__name__)
    module = sys.modules.get(getattr(train, "__module__", ""))
    if module is not None and module.__name__ != "__main__" and getattr(module, name, None) is train:
        return f"{module.__name__}:{name}"
    attribute = name if name.isidentifier() else "train"
    holder = ModuleType(HANDED)
    setattr(holder, attribute, train)
    sys.modules[HANDED] = holder  # Ray takes the function itself along, so nobody imports this module elsewhere
    return f"{HANDED}:{attribute}"


def as_file(train: Trainable) -> tuple[str, SourceFile | None]:
    """Return `module:attribute` and the file to bring along for a run in a cluster; no file for code in the image.

    Raises:
        Refusal: it is in no file of its own, or the file is too large.
    """
    if isinstance(train, str):
        return train, None
    name = getattr(train, "__qualname__", type(train).__name__)
    try:
        path = Path(inspect.getsourcefile(train) or "")
        text = path.read_text(encoding="utf-8")
    except (TypeError, OSError):
        path, text = Path(), ""
    if path.suffix != ".py" or "<locals>" in name or "." in name:
        raise Refusal(
            f"{name} is in no file that could go to the cluster.",
            hint="Write it into a .py file at the top level and import it from there, or name `module:attribute` of "
            "code in your image.",
        )
    if len(text.encode()) > MAX_BYTES:
        raise Refusal(
            f"{path.name} has {len(text.encode()):,} bytes; {MAX_BYTES:,} fit in a ConfigMap.",
            hint="Put the code into your image and name `module:attribute`.",
        )
    return f"{path.stem}:{name}", SourceFile(path.name, text)
