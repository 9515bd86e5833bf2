"""`luthier stop`: the end, now; what was found stays."""

from __future__ import annotations

import sys
from typing import Any

from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Name, Namespace, Output, OutputOption
from luthier.cli.snapshot import of_object


@speaks_plainly
def stop(name: Name, namespace: Namespace = None, output: OutputOption = Output.TEXT) -> None:
    """End an experiment now and keep what it has found: best trial, ledger, checkpoints.

    Running trials are saved first, for at most 20 seconds. It has then succeeded if any trial had a result.
    Where no driver can run, it ends at once.

    `luthier extend` goes on from there; `luthier suspend` only makes a pause.

    Example: luthier stop digits-pbt
    """
    from luthier.cli.cluster import connect

    experiments = connect(namespace)
    before = experiments.read(name)
    snapshot = of_object(before)
    if snapshot.has_ended:
        raise Refusal(f"{name} has ended already: {snapshot.state}, {snapshot.reason}.")
    after = experiments.patch(name, stopped(before))
    if output is Output.JSON:
        sys.stdout.write(as_json(after))
        return
    sys.stdout.write(f"{name} is being stopped; its end: luthier watch {name}\n")


def stopped(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return the change that ends an experiment; a suspended one needs its driver once more to do so."""
    resumed = {"suspend": False} if experiment["spec"].get("suspend") else {}
    return {"budget": {"stop": True}, **resumed}
