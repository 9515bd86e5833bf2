"""`luthier logs`: what the driver says, or what one trial has printed."""

from __future__ import annotations

from typing import Annotated

import typer

from luthier.cli.errors import speaks_plainly
from luthier.cli.options import Name, Namespace, Output


@speaks_plainly
def logs(
    name: Name,
    trial: Annotated[
        str | None, typer.Option("--trial", "-t", help="Only what this trial has printed.", metavar="TRIAL")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes; Ctrl-C leaves.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", min=1, help="Only the last N lines.", metavar="N")] = None,
    namespace: Namespace = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="json: a line of JSON for each, {time, pod, trial, line}.")
    ] = Output.TEXT,
) -> None:
    """Print the driver's log, or what one trial has printed in whatever pods it ran in.

    A pod that is gone has taken its log along; the last lines of a trial's error stay: luthier trials NAME.

    --follow goes on with the next driver, and with a trial wherever it goes, to the experiment's end.

    Example: luthier logs digits-pbt --trial t0003 --follow
    """
    from luthier.cli.log_lines import LogLine
    from luthier.cli.pod_logs import as_text, print_logs

    write = LogLine.to_json if output is Output.JSON else as_text
    print_logs(name, namespace, trial=trial, follow=follow, tail=tail, write=write)
