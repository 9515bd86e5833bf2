"""The command line's table of contents."""

from __future__ import annotations

import typer

from luthier.cli.best import best
from luthier.cli.convert import convert
from luthier.cli.explain import explain
from luthier.cli.export import export
from luthier.cli.extend import extend
from luthier.cli.get import get
from luthier.cli.logs import logs
from luthier.cli.plan import plan
from luthier.cli.replay import replay
from luthier.cli.report import report
from luthier.cli.run import run
from luthier.cli.stop import stop
from luthier.cli.suspend import resume, suspend
from luthier.cli.trials import trials
from luthier.cli.ui import ui
from luthier.cli.validate import validate
from luthier.cli.watch import watch

HELP = """Tune hyperparameters: the same manifest on a laptop and on a Kubernetes cluster.

Exit codes: 0 success, 1 the experiment failed or had not ended in time, 2 wrong input.
"""
EXAMPLES = """[bold]From nothing to a tuned model[/bold]

  luthier validate experiment.yaml           is the manifest right?

  luthier run experiment.yaml                run it here, with a local Ray

  luthier best luthier-results/NAME-1        the winner's parameters

  luthier replay luthier-results/NAME-1      the schedule that made it

  luthier ui luthier-results/NAME-1          all of it in the browser

[bold]On a cluster[/bold]

  kubectl apply -k examples/digits-pbt       code and manifest

  luthier plan experiment.yaml --seconds 30  what it will take, and whether it fits

  luthier watch digits-pbt                   progress until it has ended

  luthier explain digits-pbt                 why it is stuck, and what to do

  luthier best digits-pbt --format args      for your own command line
"""

app = typer.Typer(
    name="luthier",
    help=HELP,
    epilog=EXAMPLES,
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
COMMANDS = {
    "Before it starts": (validate, plan, convert),
    "On this machine": (run,),
    "Look": (get, watch, trials, best, report, ui, export, logs, explain, replay),
    "Change": (suspend, resume, extend, stop),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(no_args_is_help=command is not get, rich_help_panel=panel)(command)
