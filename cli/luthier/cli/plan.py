"""`luthier plan`: what an experiment will do and take, before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from luthier.api.experiment import Spec
from luthier.cli.demand import GPU, Demand, amount, demand_of, quantity, quota_faults, room_on, size
from luthier.cli.errors import Exit, Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.manifests import read_manifest
from luthier.cli.options import Namespace, Output, OutputOption
from luthier.cli.stages import Course, course_of
from luthier.cli.tables import print_table
from luthier.cli.validate import described
from luthier.cli.view import duration

Json = dict[str, Any]

STAGES_SHOWN = 24


@dataclass(frozen=True)
class Fit:
    """Whether the cluster has what is asked for."""

    faults: tuple[str, ...] = ()
    """Why it would stall."""
    notes: tuple[str, ...] = ()


@speaks_plainly
def plan(
    file: Annotated[Path, typer.Argument(help="Manifest, or a folder with an experiment.yaml.", metavar="FILE")],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", "-s", min=0.0, help="Seconds that one iteration takes; gives times and GPU-hours."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint-size", help="Of one checkpoint, as in 200Mi; gives the storage.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no cluster whether it fits.")] = False,
    namespace: Namespace = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Say what an experiment will do and take before it starts: trials by rung or generation, cost, storage, fit.

    Exit code 1 says that the cluster has not what it asks for: a quota is too small, or no node is large enough.

    Example: luthier plan examples/digits-asha/experiment.yaml --seconds 30 --checkpoint-size 50Mi
    """
    manifest = read_manifest(file)
    spec = manifest.experiment.spec
    demand, course = demand_of(spec), course_of(spec)
    each = _checkpoint_bytes(checkpoint)
    own = manifest.document.get("metadata", {}).get("namespace")
    fit = None if offline else _fit(demand, namespace or own)
    storage = _storage_faults(demand, each)
    document = _document(spec, course, demand, seconds, each, fit, storage)
    if output is Output.JSON:
        sys.stdout.write(as_json({"name": manifest.experiment.metadata.name, **document}))
    else:
        _print(Console(highlight=False), manifest.experiment.metadata.name, spec, course, document)
    raise typer.Exit(Exit.FAILED if document["faults"] else Exit.OK)


def costs(spec: Spec, iterations: float, seconds: float) -> dict[str, float]:
    """Return hours and GPU-hours of some iterations, within what the budget allows."""
    budget, gpu = spec.budget, spec.trial.resources.gpu
    hours = iterations * seconds / budget.parallel_trials / 3600
    if budget.duration_seconds is not None:
        hours = min(hours, budget.duration_seconds / 3600)
    gpu_hours = min(iterations * seconds / 3600, hours * budget.parallel_trials) * gpu
    if budget.gpu_hours is not None and gpu_hours > budget.gpu_hours:
        hours, gpu_hours = hours * budget.gpu_hours / gpu_hours, budget.gpu_hours
    return {"hours": round(hours, 4), "gpuHours": round(gpu_hours, 4)}


def _document(
    spec: Spec,
    course: Course | None,
    demand: Demand,
    seconds: float | None,
    each: float | None,
    fit: Fit | None,
    storage: Sequence[str],
) -> Json:
    cost: Json = {}
    if course and seconds is not None:
        cost = {"expected": costs(spec, course.expected, seconds), "worst": costs(spec, course.worst, seconds)}
    return {
        "stages": [
            {"name": s.name, "trials": round(s.trials, 2), "fromIteration": s.first, "toIteration": s.last}
            for s in (course.stages if course else ())
        ],
        "note": course.note if course else "only the trials themselves know when they end",
        "iterations": {"expected": round(course.expected), "worst": course.worst} if course else None,
        "cost": cost or None,
        "pods": {
            "workers": demand.workers,
            "worker": dict(demand.worker) or None,
            "driver": dict(demand.driver),
        },
        "storage": {
            "claimBytes": demand.volume_bytes or None,
            "checkpoints": demand.checkpoints,
            "checkpointBytes": demand.checkpoints * each if each is not None else None,
        },
        "faults": [*(fit.faults if fit else ()), *storage],
        "notes": list(fit.notes) if fit else ["No cluster was asked whether it fits."],
    }


def _storage_faults(demand: Demand, each: float | None) -> list[str]:
    if each is None or not demand.volume_bytes or demand.checkpoints * each <= demand.volume_bytes:
        return []
    return [
        f"storage.size is {size(demand.volume_bytes)}, and {demand.checkpoints} checkpoints may take "
        f"{size(demand.checkpoints * each)}"
    ]


def _checkpoint_bytes(text: str | None) -> float | None:
    try:
        return None if text is None else quantity(text)
    except ValueError:
        raise Refusal(
            f"--checkpoint-size: {text!r} is no Kubernetes quantity of bytes.", hint="Write it as in 50Mi or 1.5Gi."
        ) from None


def _fit(demand: Demand, namespace: str | None) -> Fit:
    """Ask the cluster, if there is one."""
    from luthier.cli.cluster import connect
    from luthier.cli.surroundings import nodes_of, quotas_of

    try:
        experiments = connect(namespace)
        quotas, nodes = quotas_of(experiments), nodes_of(experiments)
    except Refusal as refusal:
        return Fit(notes=(f"No cluster was asked whether it fits. {refusal.message}",))
    notes = [f"Asked the cluster, for namespace {experiments.namespace}."]
    faults = []
    if quotas is None:
        notes.append("You may not see its quotas.")
    else:
        faults += quota_faults(demand, quotas)
    if nodes is None:
        notes.append("You may not see the nodes.")
    else:
        faults += _node_faults(demand, nodes, notes)
    return Fit(tuple(faults), tuple(notes))


def _node_faults(demand: Demand, nodes: Sequence[Json], notes: list[str]) -> list[str]:
    pod, count, what = (demand.worker, demand.workers, "worker") if demand.workers else (demand.driver, 1, "driver")
    suitable, together = room_on(nodes, pod, demand.selector)
    asks = _listed(pod)
    if not suitable:
        where = f" with {', '.join(f'{k}={v}' for k, v in demand.selector.items())}" if demand.selector else ""
        return [f"none of {len(nodes)} nodes{where} is large enough for a {what} ({asks})"]
    notes.append(f"{suitable} of {len(nodes)} nodes can hold a {what} ({asks}); empty, they hold {together}.")
    if together < count:
        notes.append(f"So at most {together} of {count} workers run at a time, unless the cluster grows.")
    return []


def _print(console: Console, name: str, spec: Spec, course: Course | None, document: Json) -> None:
    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    say(f"{name}: {described(spec)}\n")
    if course:
        shown = course.stages[:STAGES_SHOWN]
        rows = [(s.name, _about(s.trials), f"{s.first + 1}-{s.last}", _about(s.iterations)) for s in shown]
        print_table(console, ("STAGE", "TRIALS", "ITERATIONS", "IN ALL"), rows)
        if len(course.stages) > len(shown):
            say(f"... and {len(course.stages) - len(shown)} more")
        say(f"Iterations: {_about(course.expected)} expected, {course.worst} at worst ({course.note}).")
    else:
        say(f"Iterations: {document['note']} (budget.iterationsPerTrial is not set).")
    for kind, cost in (document["cost"] or {}).items():
        say(f"Cost, {kind}: {duration(cost['hours'] * 3600)}, {cost['gpuHours']:g} GPU-hours")
    if course and not document["cost"]:
        say("Cost: say how long an iteration takes, as in --seconds 30")
    pods, storage = document["pods"], document["storage"]
    workers = "1 worker" if pods["workers"] == 1 else f"{pods['workers']} workers"
    say(
        f"Pods: a driver, and {workers} with {_listed(pods['worker'])} each"
        if pods["worker"]
        else f"Pods: a driver that runs the trials, with {_listed(pods['driver'])}"
    )
    volume = size(storage["claimBytes"]) if storage["claimBytes"] else "the claim that is named"
    taken = f", {size(storage['checkpointBytes'])}" if storage["checkpointBytes"] is not None else ""
    say(f"Storage: {volume}; at most {storage['checkpoints']} checkpoints at a time{taken}")
    for note in document["notes"]:
        say(note)
    for fault in document["faults"]:
        say(f"Does not fit: {fault}")


def _about(number: float) -> str:
    """Return an expected number as a person reads it: whole, or with one digit where it is small."""
    return f"{number:.0f}" if number >= 10 or number == round(number) else f"{number:.1f}"


def _listed(pod: Mapping[str, float]) -> str:
    return ", ".join(f"{amount(name, value)} {_unit(name, value)}" for name, value in pod.items())


def _unit(name: str, value: float) -> str:
    one = {"cpu": "core", "memory": "memory", GPU: "GPU"}.get(name, name)
    return one if value == 1 or one in ("memory", name) else f"{one}s"
