"""The user's own Python, imported by name on his own machine: the one place where the command line runs code.

The name comes from his command line, never from a manifest, a trial or a cluster.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from luthier.cli.errors import Refusal


def load_attribute(path: str) -> Any:
    """Return what `module:attribute` names; modules of the present folder are found, too.

    Raises:
        Refusal: it is no such name, the import fails, or the module has no such attribute.
    """
    module_name, _, attribute = path.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise Refusal(f"{module_name} can't be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not hasattr(module, attribute):
        names = ", ".join(name for name in vars(module) if not name.startswith("_"))
        raise Refusal(f"{module_name} has no {attribute!r}.", hint=f"It has {names[:200]}.")
    return getattr(module, attribute)
