"""Experiments of the end-to-end tests, and the small programs that they train."""

from __future__ import annotations

from typing import Any

from luthier.api import keys

Json = dict[str, Any]

CODE = "code"
"""Name of the ConfigMap with the programs, in each test's namespace."""

STEADY = '''"""Counts at an even pace. The count is all that a checkpoint holds, so it tells where a run began."""
import json, time
from pathlib import Path
from ray import tune


class Steady(tune.Trainable):
    def setup(self, config):
        self.count, self.pause = 0, config["pause"]

    def reset_config(self, config):
        self.setup(config)
        return True

    def step(self):
        time.sleep(self.pause)
        self.count += 1
        return {"count": self.count}

    def save_checkpoint(self, directory):
        Path(directory, "count.json").write_text(json.dumps(self.count))

    def load_checkpoint(self, directory):
        self.count = json.loads(Path(directory, "count.json").read_text())


class Failing(Steady):
    def step(self):
        raise RuntimeError("the data set is on strike")


class Uneven(Steady):
    """Climbs at the rate that it was given, and breaks at the third step where it is cracked."""

    def setup(self, config):
        super().setup(config)
        self.rate, self.is_cracked = config["rate"], config["grade"] == "cracked"

    def step(self):
        if self.is_cracked and self.count == 2:
            raise RuntimeError("it broke")
        return {**super().step(), "height": self.count * self.rate}


class Hungry(Steady):
    """Takes its memory at the third step, slowly enough for Ray to see it come."""

    def setup(self, config):
        super().setup(config)
        self.megabytes = config["megabytes"]

    def step(self):
        if self.count == 2:
            self.held = []
            for _ in range(int(self.megabytes) // 16):
                self.held.append(b"x" * (16 << 20))
                time.sleep(0.1)
        return super().step()
'''

BOWL = '''"""The bottom is at 0.3, 0.7, 0.3, 0.7."""
from ray import tune


def train(config):
    bottom = {"a": 0.3, "b": 0.7, "c": 0.3, "d": 0.7}
    tune.report({"loss": sum((config[name] - at) ** 2 for name, at in bottom.items())})
'''


def code() -> Json:
    """Return the ConfigMap with the programs."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CODE},
        "data": {"steady.py": STEADY, "bowl.py": BOWL},
    }


def steady(name: str, *, pause: float = 0.3, **changes: Json) -> Json:
    """Return an experiment whose trials count, a step each `pause` seconds; `changes` go into blocks of the spec.

    Without changes: 4 trials of 20 iterations, 2 at a time, in the driver pod.
    """
    spec: Json = {
        "objectives": [{"metric": "count", "direction": "Maximize"}],
        "parameters": [{"name": "pause", "type": "Discrete", "numbers": [pause]}],
        "budget": {"trials": 4, "parallelTrials": 2, "iterationsPerTrial": 20},
        "trial": {"function": "steady:Steady", "source": {"configMap": CODE}, "resources": {"cpu": 0.1}},
        "workers": {"max": 0},
        "storage": {"accessMode": "ReadWriteOnce", "size": "64Mi"},
    }
    for block, change in changes.items():
        spec[block] = spec.get(block, {}) | change if isinstance(change, dict) else change
    return experiment(name, spec)


def hungry(name: str, *megabytes: int, limit: str, **changes: Any) -> Json:
    """Return an experiment with one trial for each amount of memory, each in a worker of its own with a limit."""
    manifest = steady(name, budget={"trials": len(megabytes), "parallelTrials": len(megabytes)}, **changes)
    spec = manifest["spec"]
    spec["parameters"].append({"name": "megabytes", "type": "Discrete", "numbers": list(megabytes)})
    spec["search"] = {"algorithm": "Grid"}
    spec["trial"] |= {"function": "steady:Hungry", "resources": {"cpu": 0.1, "memory": limit}}
    spec["workers"] = {"max": len(megabytes)}
    return manifest


def bowl(name: str, image: str) -> Json:
    """Return a Gaussian-process search over four dimensions, in an image with torch."""
    parameters = [{"name": letter, "type": "Double", "min": 0, "max": 1} for letter in "abcd"]
    return experiment(
        name,
        {
            "objectives": [{"metric": "loss", "direction": "Minimize"}],
            "parameters": parameters,
            "search": {"algorithm": "GP", "seed": 7, "settings": {"startupTrials": 5}},
            "budget": {"trials": 15, "parallelTrials": 1},
            "trial": {
                "function": "bowl:train",
                "image": image,
                "source": {"configMap": CODE},
                "resources": {"cpu": 0.5},
            },
            "workers": {"max": 0},
            "storage": {"accessMode": "ReadWriteOnce", "size": "64Mi"},
        },
    )


def experiment(name: str, spec: Json) -> Json:
    """Return a TuningExperiment."""
    return {"apiVersion": keys.API_VERSION, "kind": keys.KIND, "metadata": {"name": name}, "spec": spec}
