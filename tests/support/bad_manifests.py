"""Manifests that nobody may accept: one table for the API server and for the parser.

Each row changes a good manifest at one or two paths. `rule` is what both judges must say;
where the API server has words of its own, they stand in `server`.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

ABSENT: Any = object()
"""As a new value: take the field away."""


def a_manifest(name: str = "good") -> Json:
    """A manifest with one parameter of every kind that both judges accept."""
    return {
        "apiVersion": "luthier.dev/v1alpha1",
        "kind": "TuningExperiment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "objectives": [{"metric": "accuracy", "direction": "Maximize", "target": 0.99}],
            "parameters": [
                {"name": "lr", "type": "Double", "min": 1e-5, "max": 1, "scale": "Log"},
                {"name": "layers", "type": "Integer", "min": 1, "max": 9},
                {"name": "batch", "type": "Discrete", "numbers": [16, 32, 0.5]},
                {"name": "optimizer", "type": "Categorical", "values": ["sgd", "adam"]},
                {"name": "nesterov", "type": "Boolean"},
                {
                    "name": "momentum",
                    "type": "Double",
                    "min": 0,
                    "max": 0.9,
                    "step": 0.1,
                    "when": {"parameter": "optimizer", "in": ["sgd"]},
                },
            ],
            "search": {"algorithm": "TPE", "settings": {"startupTrials": 5}},
            "budget": {"trials": 16, "parallelTrials": 2, "iterationsPerTrial": 9},
            "trial": {"function": "train:train"},
        },
    }


def changed(manifest: Json, changes: Json) -> Json:
    """Return a copy with other values at some paths, such as `spec.parameters[0].min`."""
    result = copy.deepcopy(manifest)
    for path, value in changes.items():
        *parents, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
        place: Any = result
        for part in parents:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
        if value is ABSENT:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return result


@dataclass(frozen=True)
class Bad:
    """One fault, the field that it is blamed on, and the rule that is named."""

    sentence: str
    changes: Json
    field: str
    rule: str
    server: str = ""
    place: str = ""
    """Where the parser sees it, if it can say more exactly than `field`."""

    @property
    def manifest(self) -> Json:
        return changed(a_manifest(), self.changes)

    @property
    def server_rule(self) -> str:
        return self.server or self.rule


def _flat(*parameters: Json) -> Json:
    return {"spec.parameters": list(parameters)}


def _replay(*changes: tuple[int, Json]) -> Json:
    schedule = [{"firstIteration": first, "values": values} for first, values in changes]
    return {"spec.scheduler": {"replay": {"schedule": schedule}}}


DOUBLE = {"name": "x", "type": "Double", "min": 0, "max": 1}
UNCONDITIONAL = a_manifest()["spec"]["parameters"][:5]

BAD_MANIFESTS = (
    # --- exports
    Bad(
        "tables are files and go to no server",
        {"spec.exports": [{"name": "tables", "type": "Files", "uri": "http://tables"}]},
        "spec.exports[0].uri",
        "may be set only when `type` is MLflow or Optuna",
    ),
    Bad(
        "a format is for files",
        {"spec.exports": [{"name": "runs", "type": "MLflow", "formats": ["CSV"]}]},
        "spec.exports[0].formats",
        "may be set only when `type` is Files",
    ),
    # --- names and shapes
    Bad(
        "a name of more than 40 characters leaves children no room",
        {"metadata.name": "x" * 41},
        "metadata.name",
        "must be at most 40 lower-case letters",
    ),
    Bad("a name may not begin with a digit", {"metadata.name": "1st"}, "metadata.name", "with a letter first"),
    Bad("a name may not hold dots", {"metadata.name": "a.b"}, "metadata.name", "digits and dashes"),
    Bad("there is no experiment without a spec", {"spec": ABSENT}, "spec", "must be set", "Required value"),
    Bad("a trial must be said", {"spec.trial": ABSENT}, "spec.trial", "must be set", "Required value"),
    Bad("null is as good as nothing", {"spec.trial": None}, "spec.trial", "must be set", "Required value"),
    Bad(
        "a misspelt field is told the right one",
        {"spec.budget.paralelTrials": 4},
        "spec.budget.paralelTrials",
        "unknown field; did you mean `parallelTrials`?",
        "unknown field",
    ),
    Bad(
        "snake_case is no field name",
        {"spec.budget.failed_trials": 4},
        "spec.budget.failed_trials",
        "unknown field; did you mean `failedTrials`?",
        "unknown field",
    ),
    Bad(
        "an unknown block is refused",
        {"spec.notebook": {}},
        "spec.notebook",
        "unknown field; known are",
        "unknown field",
    ),
    Bad(
        "a number in quotes is no number",
        {"spec.budget.trials": "16"},
        "spec.budget.trials",
        "must be a whole number",
        "must be of type integer",
    ),
    Bad(
        "a count is a whole number",
        {"spec.budget.trials": 1.5},
        "spec.budget.trials",
        "must be a whole number",
        "must be of type integer",
    ),
    Bad(
        "yes is not true",
        {"spec.suspend": "yes"},
        "spec.suspend",
        "must be true or false",
        "must be of type boolean",
    ),
    Bad(
        "true is no number",
        {"spec.trial.resources.cpu": True},
        "spec.trial.resources.cpu",
        "must be a number",
        "must be of type number",
    ),
    Bad(
        "parameters are a list",
        {"spec.parameters": {}},
        "spec.parameters",
        "must be a list",
        "must be of type array",
    ),
    Bad(
        "a choice that looks like a number needs quotes",
        {"spec.parameters[3].values": [1, 2]},
        "spec.parameters[3].values[0]",
        "must be a string; put it in quotes",
        "must be of type string",
    ),
    # --- objectives
    Bad(
        "an experiment needs an objective",
        {"spec.objectives": []},
        "spec.objectives",
        "must have at least 1 item",
        "should have at least 1 items",
    ),
    Bad(
        "four objectives are too many",
        {"spec.objectives": [{"metric": f"m{i}", "direction": "Minimize"} for i in range(4)]},
        "spec.objectives",
        "must have at most 3 items",
    ),
    Bad(
        "no metric is named twice",
        {"spec.objectives[1]": {"metric": "accuracy", "direction": "Minimize"}},
        "spec.objectives",
        "may not repeat a metric",
        "Duplicate value",
    ),
    Bad(
        "a direction is Maximize or Minimize",
        {"spec.objectives[0].direction": "maximize"},
        "spec.objectives[0].direction",
        "must be Maximize or Minimize",
        'supported values: "Maximize", "Minimize"',
    ),
    Bad(
        "a metric has a name without blanks",
        {"spec.objectives[0].metric": "top 5"},
        "spec.objectives[0].metric",
        "must match `^[A-Za-z_][A-Za-z0-9_./-]*$`",
        "should match",
    ),
    # --- parameters, one at a time
    Bad(
        "an experiment needs a parameter",
        {"spec.parameters": []},
        "spec.parameters",
        "must have at least 1 item",
        "should have at least 1 items",
    ),
    Bad(
        "65 parameters are too many",
        _flat(*({**DOUBLE, "name": f"x{i}"} for i in range(65))),
        "spec.parameters",
        "must have at most 64 items",
    ),
    Bad("no name is used twice", _flat(DOUBLE, DOUBLE), "spec.parameters", "may not repeat a name", "Duplicate value"),
    Bad(
        "a name has at most 63 characters",
        {"spec.parameters[0].name": "x" * 64},
        "spec.parameters[0].name",
        "must have at most 63 characters",
        "may not be more than 63",
    ),
    Bad(
        "a type is one of five",
        {"spec.parameters[0].type": "Float"},
        "spec.parameters[0].type",
        "must be Double, Integer, Categorical, Discrete or Boolean",
        "Unsupported value",
    ),
    Bad(
        "a Double needs both ends",
        {"spec.parameters[0].max": ABSENT},
        "spec.parameters[0].min",
        "must be set, like `max`, when `type` is Double or Integer",
    ),
    Bad(
        "a Categorical has no ends",
        {"spec.parameters[3].min": 1},
        "spec.parameters[3].min",
        "may be set, like `max`, only when `type` is Double or Integer",
    ),
    Bad(
        "an empty range is no range",
        {"spec.parameters[1].max": 1},
        "spec.parameters[1].min",
        "must be smaller than `max`",
    ),
    Bad(
        "a log scale needs a positive minimum",
        {"spec.parameters[0].min": 0},
        "spec.parameters[0].min",
        "must be greater than 0 when `scale` is Log",
    ),
    Bad(
        "an Integer's ends are whole",
        {"spec.parameters[1].max": 8.5},
        "spec.parameters[1].min",
        "must be a whole number below 1e15, like `max`, when `type` is Integer",
    ),
    Bad(
        "an Integer's ends are exact as doubles",
        {"spec.parameters[1].max": 2 * 10**15},
        "spec.parameters[1].min",
        "must be a whole number below 1e15, like `max`, when `type` is Integer",
    ),
    Bad(
        "an end is not beyond 1e18",
        {"spec.parameters[5].max": 1e300},
        "spec.parameters[5].max",
        "must be at most 1e+18",
        "should be less than or equal to 1e+18",
    ),
    Bad(
        "a log scale has no steps",
        {"spec.parameters[0].step": 0.1},
        "spec.parameters[0].step",
        "may be set only when `type` is Double or Integer and `scale` is Linear",
    ),
    Bad(
        "a step is not wider than the range",
        {"spec.parameters[5].step": 2},
        "spec.parameters[5].step",
        "must be greater than 0 and not greater than `max` - `min`",
    ),
    Bad(
        "a step of 0 leads nowhere",
        {"spec.parameters[5].step": 0},
        "spec.parameters[5].step",
        "must be greater than 0 and not greater than `max` - `min`",
    ),
    Bad(
        "an Integer's step is whole",
        {"spec.parameters[1].step": 1.5},
        "spec.parameters[1].step",
        "must be a whole number when `type` is Integer",
    ),
    Bad(
        "choices have no scale",
        {"spec.parameters[2].scale": "Log"},
        "spec.parameters[2].scale",
        "may be Log only when `type` is Double or Integer",
    ),
    Bad(
        "a Categorical needs values",
        {"spec.parameters[3].values": ABSENT},
        "spec.parameters[3].values",
        "must be set when `type` is Categorical, and only then",
    ),
    Bad(
        "a Double has no values",
        {"spec.parameters[0].values": ["a"]},
        "spec.parameters[0].values",
        "must be set when `type` is Categorical, and only then",
    ),
    Bad(
        "a choice is listed once",
        {"spec.parameters[3].values": ["sgd", "adam", "sgd"]},
        "spec.parameters[3].values",
        "must not repeat 'sgd'",
        "Duplicate value",
    ),
    Bad(
        "a Discrete needs numbers",
        {"spec.parameters[2].numbers": ABSENT},
        "spec.parameters[2].numbers",
        "must be set when `type` is Discrete, and only then",
    ),
    Bad(
        "a number is listed once",
        {"spec.parameters[2].numbers": [16, 0.5, 16]},
        "spec.parameters[2].numbers",
        "may not repeat a number",
    ),
    # --- parameters and each other
    Bad(
        "a condition names a parameter that exists",
        {"spec.parameters[5].when.parameter": "optimiser"},
        "spec.parameters",
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        place="spec.parameters[5].when.parameter",
    ),
    Bad(
        "a condition names an earlier parameter",
        {"spec.parameters[2].when": {"parameter": "optimizer", "in": ["sgd"]}},
        "spec.parameters",
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        place="spec.parameters[2].when.parameter",
    ),
    Bad(
        "a condition does not name its own parameter",
        {"spec.parameters[4].when": {"parameter": "nesterov", "in": ["true"]}},
        "spec.parameters",
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        place="spec.parameters[4].when.parameter",
    ),
    Bad(
        "a condition does not name a range",
        {"spec.parameters[5].when.parameter": "lr"},
        "spec.parameters",
        "may name in `when.parameter` only an earlier Categorical or Boolean parameter",
        place="spec.parameters[5].when.parameter",
    ),
    Bad(
        "a condition lists values that its parameter has",
        {"spec.parameters[5].when.in": ["sgd", "rmsprop"]},
        "spec.parameters",
        "may list in `when.in` only values of the parameter that `when.parameter` names",
        place="spec.parameters[5].when.in",
    ),
    Bad(
        "a condition on a Boolean lists true or false",
        {"spec.parameters[5].when": {"parameter": "nesterov", "in": ["yes"]}},
        "spec.parameters",
        "may list in `when.in` only values of the parameter that `when.parameter` names",
        place="spec.parameters[5].when.in",
    ),
    # --- the search
    Bad(
        "an algorithm is one of the catalogue's",
        {"spec.search.algorithm": "BOHB"},
        "spec.search.algorithm",
        "must be Random, Grid, Sobol, TPE, GP or CMAES",
        "Unsupported value",
    ),
    Bad(
        "a seed is not negative",
        {"spec.search.seed": -1},
        "spec.search.seed",
        "must be at least 0",
        "should be greater than or equal to 0",
    ),
    Bad(
        "random search has no start-up",
        {"spec.search.algorithm": "Random"},
        "spec.search.settings.startupTrials",
        "may be set only when `algorithm` is TPE, GP or CMAES",
    ),
    Bad(
        "only CMAES has a population",
        {"spec.search.settings.populationSize": 8},
        "spec.search.settings.populationSize",
        "may be set only when `algorithm` is CMAES",
    ),
    Bad(
        "a Gaussian process takes no conditions",
        {"spec.search.algorithm": "GP"},
        "spec.search.algorithm",
        "must be Random or TPE when a parameter has `when`",
    ),
    Bad(
        "a grid needs steps",
        {"spec.search": {"algorithm": "Grid"}, **_flat(*UNCONDITIONAL)},
        "spec.search.algorithm",
        "may be Grid only when every Double parameter has `step` and none has `scale: Log`",
    ),
    Bad(
        "CMAES takes no unordered choices",
        {"spec.search": {"algorithm": "CMAES"}, **_flat(*UNCONDITIONAL)},
        "spec.search.algorithm",
        "may be CMAES only when every parameter is Double, Integer or Discrete",
    ),
    Bad(
        "CMAES has a single objective",
        {
            "spec.search": {"algorithm": "CMAES"},
            **_flat(DOUBLE),
            "spec.objectives[1]": {"metric": "loss", "direction": "Minimize"},
        },
        "spec.objectives",
        "must hold a single metric when `search.algorithm` is CMAES",
    ),
    # --- the scheduler
    Bad(
        "a scheduler is one block, not none",
        {"spec.scheduler": {}},
        "spec.scheduler",
        "exactly one of `medianStopping`, `asha`, `hyperband`, `pbt`, `pb2`, `replay` must be set",
    ),
    Bad(
        "a scheduler is one block, not two",
        {"spec.scheduler": {"asha": {}, "pbt": {}}},
        "spec.scheduler",
        "exactly one of `medianStopping`, `asha`, `hyperband`, `pbt`, `pb2`, `replay` must be set",
    ),
    Bad(
        "a scheduler has a single objective",
        {"spec.scheduler": {"asha": {}}, "spec.objectives[1]": {"metric": "loss", "direction": "Minimize"}},
        "spec.objectives",
        "must hold a single metric when `scheduler` is medianStopping, asha, hyperband, pbt or pb2",
    ),
    Bad(
        "halving needs an end to halve towards",
        {"spec.scheduler": {"asha": {}}, "spec.budget.iterationsPerTrial": ABSENT},
        "spec.budget.iterationsPerTrial",
        "must be set when `scheduler` is asha, hyperband, pbt, pb2 or replay",
    ),
    Bad(
        "the first rung is before the end",
        {"spec.scheduler": {"asha": {"gracePeriod": 9}}},
        "spec.scheduler.asha.gracePeriod",
        "must be smaller than `budget.iterationsPerTrial`",
    ),
    Bad(
        "a population of one has nobody to copy from",
        {"spec.scheduler": {"pbt": {}}, "spec.budget.parallelTrials": 1},
        "spec.budget.parallelTrials",
        "must be at least 2 when `scheduler` is pbt or pb2",
    ),
    Bad(
        "pb2 models ranges only",
        {"spec.scheduler": {"pb2": {}}},
        "spec.scheduler",
        "may be pb2 only when every parameter is Double or Integer, without `when`",
    ),
    Bad(
        "a command has no checkpoints to move",
        {"spec.scheduler": {"pbt": {}}, "spec.trial": {"command": ["./train"]}},
        "spec.scheduler",
        "may be hyperband, pbt, pb2 or replay only with `trial.function`",
    ),
    Bad(
        "a reduction factor of 1 reduces nothing",
        {"spec.scheduler": {"hyperband": {"reductionFactor": 1}}},
        "spec.scheduler.hyperband.reductionFactor",
        "must be at least 2",
        "should be greater than or equal to 2",
    ),
    Bad(
        "a quantile is at most a half",
        {"spec.scheduler": {"pbt": {"quantileFraction": 0.6}}},
        "spec.scheduler.pbt.quantileFraction",
        "must be at least 0.01 and at most 0.5",
    ),
    Bad(
        "a quantile of 0 copies nobody",
        {"spec.scheduler": {"pb2": {"quantileFraction": 0}}},
        "spec.scheduler.pb2.quantileFraction",
        "must be at least 0.01 and at most 0.5",
    ),
    Bad(
        "a schedule goes forward",
        _replay((8, {"lr": 0.1}), (5, {"lr": 0.2})),
        "spec.scheduler.replay.schedule",
        "must be in ascending order of `firstIteration`",
    ),
    Bad(
        "a schedule changes once before an iteration",
        _replay((5, {"lr": 0.1}), (5, {"lr": 0.2})),
        "spec.scheduler.replay.schedule",
        "may not repeat a `firstIteration`",
        "Duplicate value",
    ),
    Bad(
        "a schedule says what changes",
        _replay(),
        "spec.scheduler.replay.schedule",
        "must have at least 1 item",
        "should have at least 1 item",
    ),
    Bad(
        "a change changes something",
        _replay((5, {})),
        "spec.scheduler.replay.schedule[0].values",
        "must have at least 1",
        "should have at least 1 properties",
    ),
    Bad(
        "what a trial begins with is no change",
        _replay((1, {"lr": 0.1})),
        "spec.scheduler.replay.schedule[0].firstIteration",
        "must be at least 2",
        "should be greater than or equal to 2",
    ),
    # --- budget, trial, workers, storage
    Bad(
        "no more trials run at a time than there are",
        {"spec.budget.parallelTrials": 17},
        "spec.budget.parallelTrials",
        "must not be greater than `budget.trials`",
    ),
    Bad(
        "GPU-hours are counted where there are GPUs",
        {"spec.budget.gpuHours": 4},
        "spec.budget.gpuHours",
        "may be set only when `trial.resources.gpu` is greater than 0",
    ),
    Bad(
        "a budget of no GPU-hours is no budget",
        {"spec.budget.gpuHours": 0, "spec.trial.resources.gpu": 1},
        "spec.budget.gpuHours",
        "must be greater than 0",
    ),
    Bad(
        "a trial takes some CPU",
        {"spec.trial.resources.cpu": 0},
        "spec.trial.resources.cpu",
        "must be at least 0.1",
    ),
    Bad(
        "more than one GPU is a whole number of them",
        {"spec.trial.resources.gpu": 1.5},
        "spec.trial.resources.gpu",
        "must be a whole number when it is greater than 1",
    ),
    Bad(
        "memory is a quantity",
        {"spec.trial.resources.memory": "lots"},
        "spec.trial.resources.memory",
        "must match `^[0-9]",
        "should match",
    ),
    Bad(
        "a trial runs a function or a command",
        {"spec.trial": {}},
        "spec.trial.function",
        "must be set when `command` is not, and only then",
    ),
    Bad(
        "a trial does not run both",
        {"spec.trial.command": ["./train"]},
        "spec.trial.function",
        "must be set when `command` is not, and only then",
    ),
    Bad(
        "a function is named with its module",
        {"spec.trial.function": "train.py"},
        "spec.trial.function",
        "must match",
        "should match",
    ),
    Bad(
        "metrics from a file need the file",
        {"spec.trial": {"command": ["./train"], "metricsFrom": "File"}},
        "spec.trial.metricsFile",
        "must be set when `metricsFrom` is File, and only then",
    ),
    Bad(
        "a function reports its metrics itself",
        {"spec.trial": {"function": "train:train", "metricsFrom": "File", "metricsFile": "m.jsonl"}},
        "spec.trial.metricsFrom",
        "may be File only for a `command`",
    ),
    Bad(
        "a metrics file lies in the trial's directory",
        {"spec.trial": {"command": ["./train"], "metricsFrom": "File", "metricsFile": "/etc/passwd"}},
        "spec.trial.metricsFile",
        "must match",
        "should match",
    ),
    Bad(
        "a ConfigMap has the name of an object",
        {"spec.trial.source": {"configMap": "Digits_Train"}},
        "spec.trial.source.configMap",
        "must match",
        "should match",
    ),
    Bad(
        "a claim that exists has its class already",
        {"spec.storage": {"claimName": "team", "storageClassName": "nfs"}},
        "spec.storage.storageClassName",
        "may be set only when `claimName` is not",
    ),
    Bad(
        "an access mode is one that the operator makes",
        {"spec.storage.accessMode": "ReadOnlyMany"},
        "spec.storage.accessMode",
        "must be ReadWriteOnce or ReadWriteMany",
        "Unsupported value",
    ),
    Bad(
        "a worker holds at least one trial",
        {"spec.workers.trialsPerWorker": 0},
        "spec.workers.trialsPerWorker",
        "must be at least 1",
        "should be greater than or equal to 1",
    ),
    Bad(
        "fewer workers at most than at least",
        {"spec.workers": {"min": 3, "max": 2}},
        "spec.workers.min",
        "must not be greater than `max`",
    ),
    Bad(
        "a class of failure is one that there is",
        {"spec.trial.retryPolicy": [{"cause": "Boredom", "action": "Retry"}]},
        "spec.trial.retryPolicy[0].cause",
        "must be ",
        "Unsupported value",
    ),
    Bad(
        "an image that is not there is no fault of a trial",
        {"spec.trial.retryPolicy": [{"cause": "ImagePull", "action": "Infeasible"}]},
        "spec.trial.retryPolicy[0].action",
        "must be RetryFree or FailExperiment when `cause` is ImagePull or Refused",
    ),
    Bad(
        "a hang takes a while to tell",
        {"spec.trial.hangTimeoutSeconds": 1},
        "spec.trial.hangTimeoutSeconds",
        "must be at least 5",
        "should be greater than or equal to 5",
    ),
    Bad(
        "a time to live is not negative",
        {"spec.ttlSecondsAfterFinished": -1},
        "spec.ttlSecondsAfterFinished",
        "must be at least 0",
        "should be greater than or equal to 0",
    ),
)

POINT = "may set only parameters by their names, to values that they can take"
LATER_REFUSED = (
    *(
        Bad(
            sentence,
            {"spec.search.initialPoints": [{"values": values}]},
            "spec.search.initialPoints",
            POINT,
            place=f"spec.search.initialPoints[0].values.{next(iter(values))}",
        )
        for sentence, values in (
            ("a first point names known parameters", {"learning_rate": 0.1}),
            ("a first point lies in the range", {"lr": 2}),
            ("a first point lies on the grid", {"momentum": 0.25}),
            ("a first point is whole for an Integer", {"layers": 1.5}),
            ("a first point is one of the choices", {"optimizer": "rmsprop"}),
            ("a first point is one of the numbers", {"batch": 17}),
            ("a first point is true or false for a Boolean", {"nesterov": "true"}),
            ("a first point is no list", {"lr": [0.1]}),
        )
    ),
    Bad(
        "a change names known parameters",
        _replay((4, {"lr": 0.1}), (8, {"learning_rate": 0.1})),
        "spec.scheduler.replay.schedule",
        POINT,
        place="spec.scheduler.replay.schedule[1].values.learning_rate",
    ),
    Bad(
        "a change lies in the range",
        _replay((4, {"lr": 2})),
        "spec.scheduler.replay.schedule",
        POINT,
        place="spec.scheduler.replay.schedule[0].values.lr",
    ),
    Bad(
        "a change that lets a parameter take part sets it",
        _replay((4, {"optimizer": "adam"}), (8, {"optimizer": "sgd"})),
        "spec.scheduler.replay.schedule",
        "must set each parameter whose `when` a change of another fulfils",
        place="spec.scheduler.replay.schedule[1].values",
    ),
)
"""What CEL cannot say: the API server takes these, the parser does not, and the operator makes a condition of it."""
