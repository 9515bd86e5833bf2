"""Names of what an experiment owns in its namespace and on its volume; they carry its uid.

So one that is made again under the same name adopts nothing. The operator makes these objects, and
the command line finds them.
"""

from __future__ import annotations


def base_name(name: str, uid: str) -> str:
    """Return the name of an experiment's Secret, Service and claim, with which its pods' names begin."""
    return f"{name}-{uid[:5]}"


def storage_folder(name: str, uid: str) -> str:
    """Return the folder of an experiment on its volume: ledger and checkpoints."""
    return f"{name}-{uid[:8]}"
