"""What the benchmarks on a cluster train, and the same by hand: one script in one pod, one Job with a pod a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
CODE = "bench-code"


@dataclass(frozen=True)
class Size:
    """How much is to be done."""

    trials: int
    parallel: int
    seconds: float

    @property
    def ideal(self) -> float:
        """Seconds that it takes where nothing costs anything."""
        return self.trials / self.parallel * self.seconds

    @property
    def arguments(self) -> list[str]:
        """The same for a command line."""
        return [str(self.trials), str(self.parallel), str(self.seconds)]


SLEEPER = '''"""A trial that takes its time and needs no processor."""
import time
from ray import tune


class Sleeper(tune.Trainable):
    def setup(self, config):
        self.config = config

    def reset_config(self, config):
        self.config = config
        return True

    def step(self):
        time.sleep(self.config.get("seconds", 0))
        return {"loss": (self.config["x"] - 1) ** 2, "done": True}
'''

TICKER = '''"""Says what time it is, again and again; what it has said is all that it saves."""
import json, time
from pathlib import Path
from ray import tune


class Ticker(tune.Trainable):
    def setup(self, config):
        self.pause, self.count = config["seconds"], 0

    def reset_config(self, config):
        self.setup(config)
        return True

    def step(self):
        time.sleep(self.pause)
        self.count += 1
        return {"at": time.time(), "count": self.count}

    def save_checkpoint(self, directory):
        Path(directory, "count.json").write_text(json.dumps(self.count))

    def load_checkpoint(self, directory):
        self.count = json.loads(Path(directory, "count.json").read_text())
'''

BY_HAND = '''"""The same search as a person would write it; says when each result came."""
import os, sys, time
import ray
from ray import tune
from sleeper import Sleeper


class Say(tune.Callback):
    def on_trial_result(self, iteration, trials, trial, result, **info):
        print("result", time.time(), flush=True)


trials, parallel, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
ray.init(num_cpus=parallel, include_dashboard=False)
tune.Tuner(
    tune.with_resources(Sleeper, {"cpu": 1}),
    param_space={"x": tune.uniform(-1, 1), "seconds": seconds},
    tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=parallel, reuse_actors=True),
    run_config=tune.RunConfig(
        storage_path="/tmp/results", verbose=0, callbacks=[Say()],
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
    ),
).fit()
'''

ALONE = '''"""One trial in a pod of its own."""
import random, sys, time

time.sleep(float(sys.argv[1]))
loss = (random.uniform(-1, 1) - 1) ** 2
print("result", time.time(), flush=True)
'''


def code() -> Json:
    """Return the ConfigMap with the programs."""
    data = {"sleeper.py": SLEEPER, "ticker.py": TICKER, "by_hand.py": BY_HAND, "alone.py": ALONE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CODE}, "data": data}


def search(name: str, size: Size, *, workers: int | None = None) -> Json:
    """Return an experiment of sleeping trials; `workers` is 0 for trials in the driver's own pod."""
    return {
        "apiVersion": "luthier.dev/v1alpha1",
        "kind": "TuningExperiment",
        "metadata": {"name": name},
        "spec": {
            "objectives": [{"metric": "loss", "direction": "Minimize"}],
            "parameters": [
                {"name": "x", "type": "Double", "min": -1, "max": 1},
                {"name": "seconds", "type": "Discrete", "numbers": [size.seconds]},
            ],
            "search": {"algorithm": "Random"},
            "budget": {"trials": size.trials, "parallelTrials": size.parallel},
            "trial": {
                "function": "sleeper:Sleeper",
                "source": {"configMap": CODE},
                "resources": {"cpu": 0.1},
            },
            "workers": {} if workers is None else {"max": workers},
            "storage": {"accessMode": "ReadWriteOnce", "size": "64Mi"},
        },
    }


def ticking(name: str, *, seconds: float, ticks: int, trials: int, workers: int, per_worker: int = 1) -> Json:
    """Return an experiment whose trials say the time at an even pace and save it."""
    made = search(name, Size(trials, trials, seconds), workers=workers)
    made["spec"] |= {
        "objectives": [{"metric": "at", "direction": "Maximize"}],
        "budget": {"trials": trials, "parallelTrials": trials, "iterationsPerTrial": ticks},
    }
    made["spec"]["trial"] |= {"function": "ticker:Ticker", "checkpointInterval": 1}
    if per_worker > 1:
        made["spec"]["workers"]["trialsPerWorker"] = per_worker
    return made


def by_hand(name: str, image: str, size: Size) -> Json:
    """Return a pod that runs the script."""
    command = ["python", "/code/by_hand.py", *size.arguments]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": _pod(image, command, {"RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}),
    }


def job(name: str, image: str, size: Size) -> Json:
    """Return one Job with as many pods as there are trials."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "completions": size.trials,
            "parallelism": size.parallel,
            "backoffLimit": 0,
            "template": {"spec": _pod(image, ["python", "/code/alone.py", str(size.seconds)], {})},
        },
    }


def _pod(image: str, command: list[str], environment: dict[str, str]) -> Json:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "env": [{"name": key, "value": value} for key, value in {"HOME": "/tmp", **environment}.items()],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [
                    {"name": "code", "mountPath": "/code"},
                    {"name": "tmp", "mountPath": "/tmp"},
                    {"name": "shm", "mountPath": "/dev/shm"},
                ],
            }
        ],
        "volumes": [
            {"name": "code", "configMap": {"name": CODE}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
        ],
    }
