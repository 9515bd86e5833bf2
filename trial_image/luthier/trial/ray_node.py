"""How a pod starts its part of Ray: the same flags for head and workers, resources from the environment."""

from __future__ import annotations

import json
import os
import sys

from luthier.api.keys import ENV_CPUS, ENV_GPUS, ENV_SLOTS, SLOT

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "OMP_NUM_THREADS": "1",
}
"""Settings of Ray's processes; what the user has set himself stays."""
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - a name, not a secret
"""Ray's own variable: the file with the token that all nodes of one Ray share."""
HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""How the head finds a node that has frozen or is cut off: in about 5 seconds, where Ray's own settings take 66."""

LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's switch for a Ray of one machine, whatever its name says: no port of it can be reached from another one."""


def holds_trials() -> bool:
    """Tell whether trials run in this pod; where they run in the driver's, no worker ever joins."""
    return float(os.environ.get(ENV_SLOTS, "0")) > 0


WARM = {"RAY_enable_worker_prestart": "1", "RAY_preload_python_modules": "ray.tune"}
"""A process for each trial starts with the node and imports what every trial needs, before the first trial is there."""


def start_command(*flags: str) -> list[str]:
    """Return the command line of `ray start`; nobody reads what Ray's log monitor would pass on."""
    quiet = ["--disable-usage-stats", "--include-log-monitor=false"]
    return [sys.executable, "-m", "ray.scripts.scripts", "start", *quiet, *flags]


def warm_start() -> dict[str, str]:
    """Return settings that prepare the processes of trials: Ray prepares one per core, so only where trials take one.

    More than there are slots would cost memory that belongs to the trials.
    """
    slots, cpus = _offer()
    return WARM if slots and cpus <= slots else {}


def resource_flags() -> list[str]:
    """Return what this pod offers to trials: nothing unless the environment says so."""
    slots, cpus = _offer()
    return [
        f"--num-cpus={max(slots, cpus)}",  # slots are what is scarce; trials of half a core each get a process each
        f"--num-gpus={os.environ.get(ENV_GPUS, '0')}",
        f"--resources={json.dumps({SLOT: slots} if slots else {})}",
    ]


def _offer() -> tuple[int, int]:
    """Return slots and whole cores of this pod."""
    return int(os.environ.get(ENV_SLOTS, "0")), int(os.environ.get(ENV_CPUS, "0"))
