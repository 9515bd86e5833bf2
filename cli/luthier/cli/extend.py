"""`luthier extend`: a larger budget, while it runs or after its end."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from luthier.cli.errors import Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.options import Name, Namespace, Output, OutputOption
from luthier.cli.snapshot import of_object

AMOUNT = "in all, or +N for N more."


@speaks_plainly
def extend(
    name: Name,
    trials: Annotated[str | None, typer.Option("--trials", help=f"Trials {AMOUNT}", metavar="N|+N")] = None,
    iterations: Annotated[
        str | None, typer.Option("--iterations", help=f"Iterations of each trial {AMOUNT}", metavar="N|+N")
    ] = None,
    seconds: Annotated[
        str | None, typer.Option("--seconds", help=f"Seconds of running {AMOUNT}", metavar="N|+N")
    ] = None,
    gpu_hours: Annotated[str | None, typer.Option("--gpu-hours", help=f"GPU-hours {AMOUNT}", metavar="N|+N")] = None,
    namespace: Namespace = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Raise an experiment's budget; one that has ended, or was stopped, goes on with all that it has learnt.

    With more iterations, complete trials go on from their last checkpoints, the best first.

    Example: luthier extend digits-pbt --trials +20
    """
    from luthier.cli.cluster import connect

    experiments = connect(namespace)
    before = experiments.read(name)
    asked = {"trials": trials, "iterationsPerTrial": iterations, "durationSeconds": seconds, "gpuHours": gpu_hours}
    change = raised(before, {field: value for field, value in asked.items() if value is not None})
    after = experiments.patch(name, {"budget": change})
    if output is Output.JSON:
        sys.stdout.write(as_json(after))
        return
    words = ", ".join(f"{field} {value:g}" for field, value in change.items() if field != "stop")
    goes_on = "It goes on from its end. " if of_object(before).has_ended else ""
    sys.stdout.write(
        f"{name} has a larger budget{f': {words}' if words else ''}. {goes_on}Follow it: luthier watch {name}\n"
    )


def raised(experiment: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
    """Return the budget's change: each limit as it was asked for, and no stop any more.

    Raises:
        Refusal: nothing is asked for; a limit is no number, or not higher than it was; or there is none to raise.
    """
    budget = experiment["spec"].get("budget") or {}
    if not asked and not budget.get("stop"):
        raise Refusal("Nothing is to be raised.", hint="Say what: --trials +10, --iterations 80, --gpu-hours +4")
    limits: dict[str, Any] = {field: _limit(field, budget.get(field), text) for field, text in asked.items()}
    return limits | ({"stop": False} if budget.get("stop") else {})


def _limit(field: str, before: float | None, text: str) -> float:
    number: type[int] | type[float] = float if field == "gpuHours" else int
    try:
        value = number(text.removeprefix("+"))
    except ValueError:
        raise Refusal(
            f"budget.{field}: {text!r} is no {'number' if number is float else 'whole number'}.",
            hint="Name the new limit, as in 40, or how much more, as in +10.",
        ) from None
    if before is None:
        raise Refusal(
            f"budget.{field} has no limit, so there is none to raise.", hint="Raise another, or set it: kubectl edit tx"
        )
    limit = before + value if text.startswith("+") else value
    if not limit > before:
        raise Refusal(
            f"budget.{field} is {before:g} already; {text} is no more than that.",
            hint=f"Name a higher one, or how much more: +{text.lstrip('+')}",
        )
    return limit
