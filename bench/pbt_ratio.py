"""What exploitation is worth: PBT against the same trials without it, on the same task, seeds and iterations.

`python bench/pbt_ratio.py` trains the members of examples/digits-pbt, `--toy` a curve in closed form. Only the
scheduler differs between the two sides: same first parameters, same number of trials, same iterations. Both are played
by tests/support/simulated.py without Ray, so the figure is the algorithm's and repeats exactly.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from luthier.api.experiment import Spec  # noqa: E402
from luthier.api.manifest import load, parse  # noqa: E402
from luthier.trial.schedulers import build  # noqa: E402
from luthier.trial.search import build as build_searcher  # noqa: E402
from luthier.trial.search.searcher import Values  # noqa: E402
from support.simulated import SimulatedEngine, Step  # noqa: E402

EXAMPLE = ROOT / "examples" / "digits-pbt"


@dataclass(frozen=True)
class Comparison:
    """One seed: 1 - final score of the best trial with and without exploitation, and how much was copied."""

    seed: int
    error_with: float
    error_without: float
    exploits: int

    @property
    def ratio(self) -> float:
        """Below 1 where exploitation helps."""
        return self.error_with / self.error_without


def compare(spec: Spec, seed: int, make_step: Callable[[], Step]) -> Comparison:
    """Run both sides for one seed; the step's score is between 0 and 1."""
    spec = spec.model_copy(update={"search": spec.search.model_copy(update={"seed": seed})})
    alone = spec.model_copy(update={"scheduler": None})
    with_exploits, without = (_run(side, make_step()) for side in (spec, alone))
    return Comparison(
        seed=seed,
        error_with=1 - with_exploits.best,
        error_without=1 - without.best,
        exploits=len(with_exploits.exploits),
    )


def geometric_mean(comparisons: list[Comparison]) -> float:
    """Mean of the ratios, in which twice as good and half as good cancel out."""
    return math.exp(statistics.fmean(math.log(comparison.ratio) for comparison in comparisons))


def _run(spec: Spec, step: Step) -> SimulatedEngine:
    searcher = build_searcher(spec)
    drawn = [searcher.suggest(f"t{number}") or {} for number in range(spec.budget.trials)]
    return SimulatedEngine(
        partial(build, spec),
        drawn,
        slots=spec.budget.parallel_trials,
        iterations=spec.budget.iterations_per_trial or 1,
        step=step,
    ).run()


def digits_spec() -> Spec:
    """The experiment of examples/digits-pbt."""
    (document,) = load(EXAMPLE / "experiment.yaml")
    return parse(document).spec


class Trained(float):
    """A score together with the network that has it: what the simulated engine hands on as a checkpoint."""

    network: Any


def digits_step() -> Step:
    """An epoch of examples/digits-pbt; the score is the accuracy on held-out images."""
    path = EXAMPLE / "train.py"
    source = importlib.util.spec_from_file_location("digits_pbt_train", path)
    if source is None or source.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)

    def step(before: float, values: Values, iteration: int) -> float:  # noqa: ARG001 - a step is called so
        network = module.Member.__new__(module.Member)  # without Ray's own set-up, which wants a directory
        network.setup(values)
        if isinstance(before, Trained):
            network.weights = [weight.copy() for weight in before.network.weights]
            network.velocity = [velocity.copy() for velocity in before.network.velocity]
            network.epochs = before.network.epochs
        after = Trained(network.step()["accuracy"])
        after.network = network
        return after

    return step


def toy_spec(trials: int = 8, iterations: int = 40) -> Spec:
    """Eight members, two at a time, looked at after every fourth iteration."""
    return Spec.model_validate(
        {
            "objectives": [{"metric": "score", "direction": "Maximize"}],
            "parameters": [{"name": "lr", "type": "Double", "min": 1e-3, "max": 1.0, "scale": "Log"}],
            "scheduler": {"pbt": {"perturbationInterval": 4}},
            "budget": {"trials": trials, "parallelTrials": 2, "iterationsPerTrial": iterations},
            "trial": {"function": "toy:step"},
        }
    )


def toy_step() -> Step:
    """Gradient descent on a noisy parabola: large rates get near soon, only small ones get close."""

    def step(before: float, values: Values, iteration: int) -> float:  # noqa: ARG001 - a step is called so
        rate = float(values["lr"])
        error = (1 - before) * (1 - min(rate, 0.9)) + 0.05 * rate**2
        return 1 - error

    return step


TASKS: dict[str, tuple[Callable[[], Spec], Callable[[], Step]]] = {
    "digits": (digits_spec, digits_step),
    "toy": (toy_spec, toy_step),
}


def main() -> None:
    """Print one line a seed, the ratio, and all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toy", action="store_true", help="a curve in closed form instead of networks")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    task = "toy" if asked.toy else "digits"
    make_spec, make_step = TASKS[task]
    budget = make_spec().budget
    print(f"{task}: {budget.trials} trials of {budget.iterations_per_trial} iterations, with and without exploitation")
    print(f"{'seed':>4}  {'error with':>10}  {'without':>10}  {'ratio':>6}  copies")
    comparisons = []
    for seed in range(1, asked.seeds + 1):
        found = compare(make_spec(), seed, make_step)
        comparisons.append(found)
        errors = f"{found.error_with:>10.5f}  {found.error_without:>10.5f}"
        print(f"{seed:>4}  {errors}  {found.ratio:>6.3f}  {found.exploits:>6}", flush=True)
    ratio, load = geometric_mean(comparisons), os.getloadavg()[0]
    wins = sum(comparison.ratio < 1 for comparison in comparisons)
    print(
        f"error with / without: {ratio:.3f} (geometric mean); better for {wins} of {asked.seeds} seeds; load {load:.1f}"
    )
    print(json.dumps({"task": task, "ratio": ratio, "load": load, "seeds": [asdict(found) for found in comparisons]}))


if __name__ == "__main__":
    main()
