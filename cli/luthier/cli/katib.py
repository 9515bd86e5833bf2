"""A Katib Experiment (kubeflow.org/v1beta1) as a TuningExperiment; fields as in Katib's own API reference."""

from __future__ import annotations

import re
from typing import Any

from luthier.cli.conversion import Conversion, manifest
from luthier.cli.errors import Refusal

Json = dict[str, Any]

ALGORITHMS = {
    "random": "Random", "grid": "Grid", "sobol": "Sobol", "tpe": "TPE", "multivariate-tpe": "TPE",
    "bayesianoptimization": "GP", "cmaes": "CMAES", "hyperband": "Random", "pbt": "Random",
}  # fmt: skip
SETTINGS = {"n_startup_trials": "startupTrials", "popsize": "populationSize"}
TYPES = {"double": "Double", "int": "Integer", "categorical": "Categorical", "discrete": "Discrete"}
GPU = "nvidia.com/gpu"
OF_THE_POD = ("nodeSelector", "tolerations", "affinity", "volumes", "imagePullSecrets", "serviceAccountName")
OF_THE_CONTAINER = ("env", "envFrom", "volumeMounts", "workingDir")
MANY_TRIALS = 1000
"""For an experiment without maxTrialCount: there is no experiment without an end here."""
PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^}]+)\}")


def from_katib(document: Json) -> Conversion:
    """Return the conversion of an Experiment.

    Raises:
        Refusal: it searches architectures, which nothing here does, or it lacks what every Experiment has.
    """
    return _Katib(document).converted()


class _Katib:
    def __init__(self, document: Json) -> None:
        self.metadata: Json = document.get("metadata") or {}
        self.spec: Json = document.get("spec") or {}
        self.notes: list[str] = []
        self.algorithm = str((self.spec.get("algorithm") or {}).get("algorithmName", "random")).lower()
        self.settings = _named((self.spec.get("algorithm") or {}).get("algorithmSettings"))

    def converted(self) -> Conversion:
        if self.spec.get("nasConfig") or self.algorithm in ("enas", "darts"):
            raise Refusal("Neural architecture search (nasConfig, enas, darts) has no equal here.")
        for part in ("objective", "parameters", "trialTemplate"):
            if not self.spec.get(part):
                raise Refusal(f"The Experiment has no spec.{part}.", hint="Name the YAML of a Katib Experiment.")
        search, scheduler = self._search(), self._scheduler()  # these take settings that budget and parameters need not
        spec = {
            "objectives": [self._objective()],
            "parameters": self._parameters(),
            "search": search,
            "scheduler": scheduler,
            "budget": self._budget(),
            **self._trial(),
        }
        self._leftovers()
        document = manifest(str(self.metadata.get("name", "converted")), spec, self.metadata.get("namespace"))
        return Conversion(document, tuple(self.notes))

    def _objective(self) -> Json:
        objective = self.spec["objective"]
        if objective.get("additionalMetricNames"):
            self.notes.append("objective.additionalMetricNames: every metric that a trial reports is recorded")
        if objective.get("metricStrategies"):
            self.notes.append("objective.metricStrategies: the best reported value counts, not the latest")
        return {
            "metric": objective.get("objectiveMetricName", ""),
            "direction": {"minimize": "Minimize", "maximize": "Maximize"}.get(objective.get("type"), ""),
            **({"target": float(objective["goal"])} if objective.get("goal") is not None else {}),
        }

    def _parameters(self) -> list[Json]:
        resource = self.settings.get("resource_name") if self.algorithm == "hyperband" else None
        found = []
        for each in self.spec["parameters"]:
            if each.get("name") == resource:
                self.notes.append(
                    f"parameter {resource}: hyperband stops trials at their own reports, so the number of epochs is "
                    "no parameter; report after each, save checkpoints, and train up to budget.iterationsPerTrial"
                )
            else:
                found.append(self._parameter(each))
        return found

    def _parameter(self, each: Json) -> Json:
        name, space = str(each.get("name", "")), each.get("feasibleSpace") or {}
        kind = TYPES.get(str(each.get("parameterType", "")).lower(), "")
        if kind == "Categorical":
            return {"name": name, "type": kind, "values": [str(value) for value in space.get("list") or []]}
        if kind == "Discrete":
            return {"name": name, "type": kind, "numbers": [_number(value) for value in space.get("list") or []]}
        spread = str(space.get("distribution") or "uniform")
        if "normal" in spread.lower():
            self.notes.append(f"parameter {name}: a {spread} distribution has no equal; all values are as likely")
        step = space.get("step")
        is_log = spread.lower().startswith("log")
        if step is not None and is_log:
            self.notes.append(f"parameter {name}: a step on a logarithmic scale has no equal, so it has no step")
        return {
            "name": name,
            "type": kind,
            **{bound: _number(space[bound]) for bound in ("min", "max") if bound in space},
            **({"step": _number(step)} if step is not None and not is_log else {}),
            **({"scale": "Log"} if is_log else {}),
        }

    def _search(self) -> Json:
        if self.algorithm not in ALGORITHMS:
            self.notes.append(f"algorithm {self.algorithm} has no equal; Random takes its place")
        if self.algorithm == "multivariate-tpe":
            self.notes.append("algorithm multivariate-tpe: TPE takes its place")
        if self.algorithm == "bayesianoptimization":
            self.notes.append("algorithm bayesianoptimization: GP takes its place; it needs a trial image with torch")
        settings = {
            ours: int(self.settings.pop(theirs)) for theirs, ours in SETTINGS.items() if theirs in self.settings
        }
        seed = self.settings.pop("random_state", self.settings.pop("seed", None))
        return {
            "algorithm": ALGORITHMS.get(self.algorithm, "Random"),
            **({"seed": int(seed)} if seed is not None else {}),
            **({"settings": settings} if settings else {}),
        }

    def _scheduler(self) -> Json | None:
        if self.algorithm == "hyperband":
            eta = self.settings.pop("eta", None)
            return {"hyperband": {"reductionFactor": int(float(eta))} if eta is not None else {}}
        if self.algorithm == "pbt":
            names = {"truncation_threshold": "quantileFraction", "resample_probability": "resampleProbability"}
            found = {
                ours: float(self.settings.pop(theirs)) for theirs, ours in names.items() if theirs in self.settings
            }
            self.notes.append(
                "algorithm pbt: here members save checkpoints in Ray Tune's way (a Trainable class, or a function that "
                "reports them); a `command` cannot"
            )
            return {"pbt": found}
        stopping = self.spec.get("earlyStopping") or {}
        if not stopping:
            return None
        if stopping.get("algorithmName") != "medianstop":
            self.notes.append(f"earlyStopping {stopping.get('algorithmName')} has no equal")
            return None
        settings = _named(stopping.get("algorithmSettings"))
        names = {"min_trials_required": "minTrials", "start_step": "gracePeriod"}
        return {"medianStopping": {ours: int(settings[theirs]) for theirs, ours in names.items() if theirs in settings}}

    def _budget(self) -> Json:
        trials: Any = self.spec.get("maxTrialCount")
        population = self.settings.pop("n_population", None)
        if population is not None:
            self.notes.append("maxTrialCount: budget.trials is the population; its members live on instead of new ones")
            trials = int(population)
        if trials is None:
            self.notes.append(f"maxTrialCount is not set; {MANY_TRIALS} trials end it here")
            trials = MANY_TRIALS
        length = self.settings.pop("r_l", None)
        if length is None and self.algorithm in ("hyperband", "pbt"):
            self.notes.append("budget.iterationsPerTrial: say after how many reports a trial is complete")
        return {
            "trials": int(trials),
            "parallelTrials": min(int(self.spec.get("parallelTrialCount", 3)), int(trials)),
            "failedTrials": int(self.spec.get("maxFailedTrialCount", trials)),
            **({"iterationsPerTrial": int(float(length))} if length is not None else {}),
        }

    def _trial(self) -> Json:
        template = self.spec["trialTemplate"]
        if template.get("configMap"):
            raise Refusal(
                "trialTemplate.configMap: the template is in a ConfigMap.", hint="Put it in trialTemplate.trialSpec."
            )
        job = template.get("trialSpec") or {}
        if job.get("kind") not in (None, "Job"):
            self.notes.append(f"trialSpec of kind {job['kind']}: only one pod of a trial is carried over")
        pod = _pod_of(job)
        container = _primary(pod, template.get("primaryContainerName"))
        if len(pod.get("containers") or []) > 1:
            self.notes.append("trialSpec: only the primary container is carried over")
        names = {str(each["name"]): str(each["reference"]) for each in template.get("trialParameters") or []}
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        if not words:
            self.notes.append("trial.command: the image's own entry point is not known here; name it")
        return {
            "trial": {
                "command": [self._word(str(word), names) for word in words],
                **({"image": container["image"]} if container.get("image") else {}),
                **self._metrics(),
                **_resources(container),
            },
            "workers": self._workers(pod, container),
        }

    def _word(self, word: str, names: dict[str, str]) -> str:
        def ours(match: re.Match[str]) -> str:
            reference = names.get(match[1], match[1])
            if reference.startswith("${trialSpec"):
                self.notes.append(f"trialParameters: {reference} has no equal; $LUTHIER_TRIAL holds the trial's name")
                return "$LUTHIER_TRIAL"
            return f"$({reference})"

        return PLACEHOLDER.sub(ours, word)

    def _metrics(self) -> Json:
        collector = self.spec.get("metricsCollectorSpec") or {}
        kind = (collector.get("collector") or {}).get("kind", "StdOut")
        if kind == "File":
            path = ((collector.get("source") or {}).get("fileSystemPath") or {}).get(
                "path", "/var/log/katib/metrics.log"
            )
            self.notes.append(f"metricsCollectorSpec: write {path} to {path.lstrip('/')}, below the working directory")
            return {"metricsFrom": "File", "metricsFile": path.lstrip("/")}
        if kind != "StdOut":
            self.notes.append(f"metricsCollectorSpec {kind} has no equal; print lines of name=value instead")
        if ((collector.get("source") or {}).get("filter") or {}).get("metricsFormat"):
            self.notes.append("metricsFormat has no equal; lines are name=value or JSON")
        return {}

    def _workers(self, pod: Json, container: Json) -> Json:
        own = {part: container[part] for part in OF_THE_CONTAINER if container.get(part)}
        if "workingDir" in own:
            self.notes.append("workingDir: a trial runs in a folder of its own")
            del own["workingDir"]
        if PLACEHOLDER.search(str(own.get("env", ""))):
            self.notes.append("env: parameters are in LUTHIER_PARAM_<name>, not in variables of your own")
        spec = {part: pod[part] for part in OF_THE_POD if pod.get(part)}
        if own:
            spec["containers"] = [{"name": "trial", **own}]
        return {"template": {"spec": spec}} if spec else {}

    def _leftovers(self) -> None:
        for name in self.settings:
            if name not in ("resource_name", "suggestion_trial_dir"):
                self.notes.append(f"algorithmSettings {name} has no equal")
        if self.spec.get("resumePolicy") not in (None, "Never"):
            self.notes.append("resumePolicy: every experiment goes on when its budget is raised")
        for field in ("successCondition", "failureCondition", "retain", "primaryPodLabels"):
            if self.spec["trialTemplate"].get(field):
                self.notes.append(f"trialTemplate.{field} has no equal")


def _pod_of(job: Json) -> Json:
    spec = job.get("spec") or {}
    template: Json | None = spec.get("template") or next(
        (
            role.get("template")
            for key, roles in spec.items()
            if key.endswith("ReplicaSpecs")
            for role in roles.values()
        ),
        {},
    )
    pod: Json = (template or {}).get("spec") or {}
    return pod


def _primary(pod: Json, name: str | None) -> Json:
    containers: list[Json] = pod.get("containers") or []
    if not containers:
        raise Refusal("trialTemplate.trialSpec has no container.", hint="Name the YAML of a Katib Experiment.")
    return next((each for each in containers if each.get("name") == name), containers[0])


def _resources(container: Json) -> Json:
    given = container.get("resources") or {}
    asked = {**(given.get("requests") or {}), **(given.get("limits") or {})}
    found: Json = {}
    if "cpu" in asked:
        text = str(asked["cpu"])
        found["cpu"] = float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    if GPU in asked:
        found["gpu"] = float(asked[GPU])
    if "memory" in asked:
        found["memory"] = str(asked["memory"])
    return {"resources": found} if found else {}


def _named(settings: list[Json] | None) -> dict[str, str]:
    return {str(each["name"]): str(each["value"]) for each in settings or []}


def _number(value: Any) -> float | int:
    number = float(value)
    return int(number) if number.is_integer() and "." not in str(value) and "e" not in str(value).lower() else number
