"""Where things are, and what a process of the benchmarks has to know to import them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMPORTED_FROM = [str(ROOT / folder) for folder in ("", "tests", "tools", "dev")]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([*IMPORTED_FROM, *filter(None, [os.environ.get("PYTHONPATH")])])
}
"""For child processes."""
