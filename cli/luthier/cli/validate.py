"""`luthier validate`: say what is wrong with a manifest, or what it asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from luthier.api.catalogue import SchedulerKind
from luthier.api.experiment import Spec
from luthier.cli.errors import speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.manifests import read_experiments
from luthier.cli.options import Output, OutputOption


@speaks_plainly
def validate(
    file: Annotated[Path, typer.Argument(help="Manifest, or a folder with an experiment.yaml.", metavar="FILE")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Check a manifest by the rules that the cluster has, and say in words what it asks for.

    Example: luthier validate examples/digits-pbt/experiment.yaml
    """
    console = Console(highlight=False, soft_wrap=True)
    experiments = read_experiments(file)
    if output is Output.JSON:
        sys.stdout.write(as_json([{"name": each.metadata.name, "asks": described(each.spec)} for each in experiments]))
        return
    for experiment in experiments:
        console.print(f"{experiment.metadata.name} is valid: {described(experiment.spec)}", markup=False)


def described(spec: Spec) -> str:
    """Return what a spec asks for as one sentence."""
    goals = " and ".join(f"{o.direction.value.lower()} {o.metric}" for o in spec.objectives)
    names = ", ".join(parameter.name for parameter in spec.parameters)
    scheduler = "" if spec.scheduler_kind is SchedulerKind.NONE else f" and {spec.scheduler_kind.value}"
    budget = spec.budget
    length = f" of at most {budget.iterations_per_trial} iterations" if budget.iterations_per_trial else ""
    return (
        f"{goals} over {names} by {spec.search.algorithm.value}{scheduler}, "
        f"{budget.trials} trials{length}, {budget.parallel_trials} at a time."
    )
