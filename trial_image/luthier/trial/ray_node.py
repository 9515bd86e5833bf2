"""How a pod starts its part of Ray: the same flags for head and workers, resources from the environment."""

from __future__ import annotations

import json
import os
import sys

from luthier.api.keys import ENV_CPUS, ENV_GPUS, ENV_SLOTS, SLOT


def start_command(*flags: str) -> list[str]:
    """Return the command line of `ray start`."""
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats", *flags]


def resource_flags() -> list[str]:
    """Return what this pod offers to trials: nothing unless the environment says so."""
    slots = float(os.environ.get(ENV_SLOTS, "0"))
    return [
        f"--num-cpus={os.environ.get(ENV_CPUS, '0')}",
        f"--num-gpus={os.environ.get(ENV_GPUS, '0')}",
        f"--resources={json.dumps({SLOT: slots} if slots else {})}",
    ]
