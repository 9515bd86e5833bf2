"""`luthier suspend` and `luthier resume`: pods away, and back; nothing that was learnt or trained is lost."""

from __future__ import annotations

import sys

from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Name, Namespace, Output, OutputOption
from luthier.cli.snapshot import of_object


@speaks_plainly
def suspend(name: Name, namespace: Namespace = None, output: OutputOption = Output.TEXT) -> None:
    """Stop an experiment's pods and keep its checkpoints; `luthier resume` goes on from there.

    Each running trial is stopped at its next checkpoint, or after 20 seconds.

    Example: luthier suspend digits-pbt
    """
    _set(name, namespace, output, suspend=True)


@speaks_plainly
def resume(name: Name, namespace: Namespace = None, output: OutputOption = Output.TEXT) -> None:
    """Go on with a suspended experiment.

    One that was stopped goes on with `luthier extend`.

    Example: luthier resume digits-pbt
    """
    _set(name, namespace, output, suspend=False)


def _set(name: str, namespace: str | None, output: Output, *, suspend: bool) -> None:
    from luthier.cli.cluster import connect

    experiments = connect(namespace)
    before = experiments.read(name)
    snapshot = of_object(before)
    if snapshot.has_ended:
        raise Refusal(
            f"{name} has ended ({snapshot.state}, {snapshot.reason}); there is nothing to "
            f"{'suspend' if suspend else 'resume'}.",
            hint=f"More trials: luthier extend {name} --trials +10",
        )
    was = bool(before["spec"].get("suspend"))
    after = before if was == suspend else experiments.patch(name, {"suspend": suspend})
    if output is Output.JSON:
        sys.stdout.write(as_json(after))
    elif was == suspend:
        sys.stdout.write(f"{name} {'is suspended already' if suspend else 'is not suspended'}.\n")
    elif suspend:
        sys.stdout.write(f"{name} is being suspended; go on: luthier resume {name}\n")
    else:
        sys.stdout.write(f"{name} goes on; follow it: luthier watch {name}\n")
