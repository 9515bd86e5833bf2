"""`tune`: an experiment from Python, here or on a cluster by one argument."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from luthier.api.keys import API_VERSION, KIND
from luthier.api.manifest import Experiment, ManifestError, parse
from luthier.cli import results
from luthier.cli.errors import Refusal
from luthier.cli.run import Plan, carry_out
from luthier.sdk.code import HANDED, Trainable, as_file, by_name
from luthier.sdk.result import Result
from luthier.sdk.spaces import parameters_of

Json = dict[str, Any]
Where = Literal["here", "cluster"]
DIRECTIONS = {"max": "Maximize", "min": "Minimize"}


def tune(
    train: Trainable,
    space: Mapping[str, Any],
    objective: str,
    *,
    mode: Literal["max", "min"],
    trials: int = 10,
    parallel: int = 1,
    iterations: int | None = None,
    name: str | None = None,
    spec: Mapping[str, Any] | None = None,
    on: Where = "here",
    directory: str | Path | None = None,
    namespace: str | None = None,
    timeout: float | None = None,
    quiet: bool = False,
) -> Result:
    """Tune a trainable and return what was found; progress is shown in a terminal, in a notebook, or as lines.

    Args:
        train: a Ray Tune function or class, unchanged, or `module:attribute`. On a cluster its file goes along in a
            ConfigMap, or with `module:attribute` it is code in your image.
        space: Ray Tune domains, Optuna distributions, or parameters as in a manifest, by name.
        objective: name of the metric that the trainable reports.
        mode: whether it is best at its `max` or its `min`.
        trials: trials in all.
        parallel: trials at a time.
        iterations: reports after which a trial is complete; by default it ends by itself.
        name: of the experiment; by default that of the trainable.
        spec: more of a manifest's spec, or other values: `{"scheduler": {"asha": {}}, "search": {"algorithm": "TPE"}}`.
        on: `here`, with a Ray of its own, or `cluster`.
        directory: for a run here, where ledger and checkpoints go; one that holds this run already is gone on with.
        namespace: on a cluster; by default that of kubectl's current context.
        timeout: on a cluster, seconds to wait for its end.
        quiet: whether to show nothing.

    Raises:
        SpaceError: the space has parameters that have no equal in a manifest.
        Refusal: the experiment breaks a rule, can't run, or the cluster refuses it; `problems` says more.
    """
    function, file = (by_name(train), None) if on == "here" else as_file(train)
    title = name or _name_of(function)
    document = document_of(
        function, parameters_of(space), objective, mode, name=title, trials=trials, parallel=parallel,
        iterations=iterations, more=_merged({"trial": {"source": {"configMap": title}}} if file else {}, spec or {}),
    )  # fmt: skip
    experiment = _parsed(document)
    console = Console(highlight=False, quiet=quiet)
    if on == "cluster":
        from luthier.sdk.on_cluster import apply_and_wait

        apply_and_wait(document, file, namespace, console, timeout)
        return Result(title, namespace).refresh()
    return _here(experiment, Path(directory) if directory else None, console)


def document_of(
    function: str,
    parameters: Sequence[Json],
    objective: str,
    mode: str,
    *,
    name: str,
    trials: int,
    parallel: int,
    iterations: int | None,
    more: Mapping[str, Any],
) -> Json:
    """Return the manifest of a call; `more` is merged into its spec, and wins."""
    if mode not in DIRECTIONS:
        raise Refusal(f"mode: {mode!r}: must be `max` or `min`.", hint="Say what is best: mode='max' for an accuracy.")
    budget: Json = {"trials": trials, "parallelTrials": parallel}
    spec: Json = {
        "objectives": [{"metric": objective, "direction": DIRECTIONS[mode]}],
        "parameters": list(parameters),
        "budget": budget | ({"iterationsPerTrial": iterations} if iterations else {}),
        "trial": {"function": function},
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": _merged(spec, more)}


def _here(experiment: Experiment, directory: Path | None, console: Console) -> Result:
    folder = directory or results.new_directory(experiment.metadata.name)
    if results.is_results(folder):
        before = results.read_experiment(folder).spec
        if before.model_copy(update={"budget": experiment.spec.budget}) != experiment.spec:
            raise Refusal(f"{folder} holds a run of another experiment.", hint="Only its budget may change.")
    _check_that_no_ray_runs()
    folder.mkdir(parents=True, exist_ok=True)
    code = Path.cwd()
    plan = Plan(experiment, folder / results.EXPERIMENT_FILE, code, folder)
    results.keep_experiment(folder, experiment, manifest=plan.manifest, code=code)
    carry_out(console, plan)
    return Result(str(folder.resolve())).refresh()


def _check_that_no_ray_runs() -> None:
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        raise Refusal(
            "Ray runs in this process already, and the experiment starts one of its own.",
            hint="Call ray.shutdown() first.",
        )


def _parsed(document: Json) -> Experiment:
    try:
        return parse(document)
    except ManifestError as error:
        raise Refusal(
            f"The experiment breaks {len(error.problems)} rule(s): {'; '.join(error.problems)}",
            problems=error.problems,
            hint="Correct the arguments; the user guide describes every field.",
        ) from error


def _merged(base: Any, more: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(more, Mapping)):
        return copy.deepcopy(more)
    return {
        **{key: value for key, value in base.items() if key not in more},
        **{key: _merged(base[key], value) if key in base else copy.deepcopy(value) for key, value in more.items()},
    }


def _name_of(function: str) -> str:
    """Return a name that the API server takes, from `module:attribute`."""
    module, _, attribute = function.partition(":")
    words = attribute if module == HANDED else f"{module.rpartition('.')[2]}-{attribute}"
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words.lower()).strip("-")
    return name[:40].strip("-") if name[:1].isalpha() else f"tune-{name}"[:40].strip("-")
