"""`luthier run`: the manifest on this machine, with a Ray of its own."""

from __future__ import annotations

import contextlib
import copy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from luthier.api.experiment import FROZEN_ONCE_STARTED, Spec
from luthier.api.manifest import Experiment, ManifestError, parse
from luthier.api.status import TrialCounts
from luthier.api.wire import Report
from luthier.cli import results
from luthier.cli.archives import Folder
from luthier.cli.errors import Exit, Refusal, speaks_plainly
from luthier.cli.formats import as_json
from luthier.cli.manifests import Manifest, read_manifest
from luthier.cli.options import Json
from luthier.cli.page import final_page
from luthier.cli.screen import screen
from luthier.cli.snapshot import of_report
from luthier.cli.trial_feed import TrialFeed, with_rows

OF_THE_CLUSTER = ("driver", "workers", "storage")
"""Fields of the spec that a local run does not look at."""


@dataclass(frozen=True)
class Plan:
    """What runs, where its code is, where it leaves its results."""

    experiment: Experiment
    manifest: Path
    code: Path
    directory: Path


@speaks_plainly
def run(
    file: Annotated[
        Path | None, typer.Argument(help="Manifest, or a folder with an experiment.yaml.", metavar="FILE")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for ledger and checkpoints, made if need be.", metavar="DIR"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the run in this folder.", metavar="DIR")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Take this seed instead of search.seed.")] = None,
    parallel: Annotated[
        int | None, typer.Option("--parallel", "-p", min=1, help="Trials at a time instead of budget.parallelTrials.")
    ] = None,
    as_document: Json = False,
) -> None:
    """Run an experiment here. Code comes from the manifest's folder, GPUs are not needed.

    Ctrl-C saves and leaves; --resume goes on, also with an edited budget, and after the end with a raised one:
    luthier run FILE --resume DIR.

    Example: luthier run examples/quadratic/experiment.yaml
    """
    console = Console(highlight=False, stderr=as_document)
    plan = plan_of(file, output=output, resume=resume, seed=seed, parallel=parallel)
    results.keep_experiment(plan.directory, plan.experiment, manifest=plan.manifest, code=plan.code)
    _announce(console, plan)
    report = carry_out(console, plan)
    if as_document:
        sys.stdout.write(as_json({"directory": str(plan.directory), "report": report.to_json()}))
    else:
        console.print(_last_page(plan, report), crop=False)
    if report.outcome is None:
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.OK if report.outcome.succeeded else Exit.FAILED)


def _last_page(plan: Plan, report: Report) -> RenderableType:
    return final_page(
        of_report(plan.experiment, report, interrupted=True),
        exploits=results.read_exploits(plan.directory) if report.population else (),
        storage=f"{plan.directory}/",
        next_steps=_next_steps(plan, report),
    )


def plan_of(
    file: Path | None, *, output: Path | None, resume: Path | None, seed: int | None, parallel: int | None
) -> Plan:
    """Return what to run, with the command line's wishes worked in; makes the folder.

    Raises:
        Refusal: the options contradict each other, the manifest, or what ran in the folder before.
    """
    if resume is not None:
        return _resumed(file, resume, output=output, seed=seed, parallel=parallel)
    if file is None:
        raise Refusal(
            "There is nothing to run.", hint="Name a manifest: luthier run FILE; or a folder: luthier run --resume DIR"
        )
    if output is not None and (results.is_results(output) or (output / results.LEDGER_FILE).exists()):
        raise Refusal(f"{output} already holds a run.", hint=f"Go on with it: luthier run --resume {output}")
    manifest = read_manifest(file)
    experiment = _changed(manifest, seed=seed, parallel=parallel)
    directory = _made(output) if output else results.new_directory(experiment.metadata.name)
    return Plan(experiment, manifest.path, _code_of(manifest, directory), directory)


def _resumed(
    file: Path | None, directory: Path, *, output: Path | None, seed: int | None, parallel: int | None
) -> Plan:
    if output is not None or seed is not None:
        raise Refusal(
            "--output and --seed belong to a new run and can't be changed with --resume.", hint="Leave them out."
        )
    before = results.read_experiment(directory)
    if file is None:
        path, code = results.read_origin(directory)
        document = before.to_json()
        manifest = Manifest(path, before, document, {})
        return Plan(_changed(manifest, seed=None, parallel=parallel), path, code, directory)
    manifest = read_manifest(file)
    experiment = _with_seed_of(before, _changed(manifest, seed=None, parallel=parallel))
    _refuse_another(before.spec, experiment.spec, directory)
    return Plan(experiment, manifest.path, _code_of(manifest, directory), directory)


def _changed(manifest: Manifest, *, seed: int | None, parallel: int | None) -> Experiment:
    document = copy.deepcopy(manifest.document)
    if seed is not None:
        document["spec"].setdefault("search", {})["seed"] = seed
    if parallel is not None:
        document["spec"].setdefault("budget", {})["parallelTrials"] = parallel
    try:
        return parse(document)
    except ManifestError as error:
        raise Refusal(
            "The manifest does not allow that:",
            problems=error.problems,
            hint="Choose other values for --seed or --parallel.",
        ) from error


def _with_seed_of(before: Experiment, experiment: Experiment) -> Experiment:
    search = experiment.spec.search.model_copy(update={"seed": before.spec.search.seed})
    return experiment.model_copy(update={"spec": experiment.spec.model_copy(update={"search": search})})


def _refuse_another(before: Spec, after: Spec, directory: Path) -> None:
    frozen = [name for name in FROZEN_ONCE_STARTED if name not in OF_THE_CLUSTER]
    differing = [name for name in frozen if getattr(before, name) != getattr(after, name)]
    if differing:
        raise Refusal(
            f"{directory} holds a run of another experiment; not the same: {', '.join(differing)}.",
            hint="Only the budget may change; leave out --resume to begin a new run.",
        )


def _code_of(manifest: Manifest, directory: Path) -> Path:
    """Return the folder with the training code: the manifest's own, unless the file holds the ConfigMap."""
    if not manifest.code:
        return manifest.path.parent
    folder = directory / results.CODE_FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in manifest.code.items():
        (folder / Path(name).name).write_text(text)
    return folder


def _made(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"{directory} can't be made: {error.strerror}.", hint="Name another folder with --output."
        ) from error
    return directory


def _announce(console: Console, plan: Plan) -> None:
    console.print(Text(f"Results and checkpoints: {plan.directory}", overflow="fold"))
    gpu = plan.experiment.spec.trial.resources.gpu
    if gpu:
        console.print(f"Note: trial.resources.gpu ({gpu:g}) is not counted here; what your code finds, it may use.")


def carry_out(console: Console, plan: Plan) -> Report:
    """Run a plan with its progress on a console; leave its last report and its page in its folder.

    Raises:
        Refusal: the code, the folder or the installation does not allow it.
    """
    report = _run(console, plan)
    _leave_page(console, plan, has_ended=report.outcome is not None)
    return report


def _run(console: Console, plan: Plan) -> Report:
    try:
        from luthier.trial.errors import (
            BadExperiment,
            BrokenLedger,
            Fenced,
            NewerLedger,
            StorageFull,
            StorageNotWritable,
        )
        from luthier.trial.exports.periodic import PeriodicExports
        from luthier.trial.run import run_experiment
    except ImportError as error:
        raise results.needs_runtime(error) from error
    file = plan.directory / results.EXPERIMENT_FILE
    exports = PeriodicExports(plan.experiment, file, plan.directory)
    with screen(console) as bare, contextlib.closing(exports):
        feed = TrialFeed(lambda: contextlib.nullcontext(Folder(plan.directory)), plan.experiment.spec.objectives)
        show = with_rows(bare, feed) if console.is_terminal else bare
        show(of_report(plan.experiment, Report(trials=TrialCounts(total=plan.experiment.spec.budget.trials))))

        def on_report(report: Report) -> None:
            with contextlib.suppress(OSError):  # a full disk is what the report itself tells of
                results.keep_report(plan.directory, report)
            show(of_report(plan.experiment, report))

        try:
            report = run_experiment(
                plan.experiment, plan.directory, code=plan.code, on_report=on_report, on_the_way=exports.look
            )
        except BadExperiment as error:
            raise Refusal(
                f"The experiment can't run: {error}", hint="Correct the code or the manifest and try again."
            ) from error
        except Fenced as error:
            raise Refusal(
                f"Another run has taken over the folder: {error}", hint="Let that one end, or end it."
            ) from error
        except (StorageFull, StorageNotWritable) as error:
            raise Refusal(
                f"The folder does not take the results: {error}", hint=f"Then: luthier run --resume {plan.directory}"
            ) from error
        except NewerLedger as error:
            raise Refusal(f"The ledger can't be read: {error}.", hint="Go on with a newer Luthier.") from error
        except BrokenLedger as error:
            raise Refusal(f"The ledger is broken: {error}", hint="Begin a new run without --resume.") from error
    results.keep_report(plan.directory, report)
    return report


def _leave_page(console: Console, plan: Plan, *, has_ended: bool) -> None:
    """Write the report beside the results, and the exports of a run that has ended; a run is no worse without."""
    try:
        from luthier.trial.closing import REPORT_FILE, close, write_page
    except ImportError as error:
        console.print(Text(f"Note: there is no report: {error.name} is not installed.", style="dim"))
        return
    page = plan.directory / REPORT_FILE
    if close(plan.experiment, plan.directory) if has_ended else write_page(plan.experiment, plan.directory, page):
        console.print(Text(f"Report: {page}", overflow="fold"))


def _next_steps(plan: Plan, report: Report) -> list[tuple[str, str]]:
    directory = plan.directory
    if report.outcome is None:
        return [(f"luthier run --resume {directory}", "go on from here")]
    if report.best is None:
        return [(f"luthier run {plan.manifest}", "after correcting the code, try again")]
    steps = [(f"luthier best {directory} --format args", "the winner's parameters, as arguments")]
    if report.population:
        steps.append((f"luthier replay {directory}", "the schedule that it lived through"))
    steps.append((f"luthier ui {directory}", "all of it in the browser"))
    return [*steps, (f"luthier run {plan.manifest} --resume {directory}", "go on, once the budget there is raised")]
