"""Small trainables for the tests that run a real Ray: what they do is said in their names."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path

from ray import tune


def quadratic(config):
    for _ in range(3):
        tune.report({"loss": (config["x"] - 1.0) ** 2})


def counts_and_saves(config):
    """Counts reports across interruptions; the state is the count and everyone it came from."""
    step, path = 0, []
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            state = json.loads(Path(directory, "state.json").read_text())
            step, path = state["step"], state["path"]
    path.append(config["x"])
    while step < 1000:
        step += 1
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "state.json").write_text(json.dumps({"step": step, "path": path}))
            tune.report(
                {"loss": abs(config["x"]), "step": step, "pid": os.getpid()},
                checkpoint=tune.Checkpoint.from_directory(directory),
            )


def slowly_counts_and_saves(config):
    config = dict(config)
    step = 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            step = json.loads(Path(directory, "state.json").read_text())["step"]
    while True:
        time.sleep(0.2)
        step += 1
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "state.json").write_text(json.dumps({"step": step}))
            tune.report({"loss": config["x"], "step": step}, checkpoint=tune.Checkpoint.from_directory(directory))


def saves_64_kib(config):
    """A function whose checkpoints fill a small disk."""
    step = 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            step = Path(directory, "weights").stat().st_size - 65_536
    while True:
        step += 1
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "weights").write_bytes(bytes(65_536 + step))
            tune.report({"loss": 1.0 / step, "step": step}, checkpoint=tune.Checkpoint.from_directory(directory))


def raises(config):
    tune.report({"loss": 1.0})
    raise ValueError(f"x of {config['x']:.3f} is no good")


def raises_once(config):
    """Fails at its third report the first time, goes on from its checkpoint the second."""
    step = 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            step = int(Path(directory, "step").read_text())
    is_first = step == 0
    while step < 5:
        step += 1
        if is_first and step == 3:
            raise RuntimeError("out of luck")
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "step").write_text(str(step))
            tune.report({"loss": 1.0 / step, "step": step}, checkpoint=tune.Checkpoint.from_directory(directory))


def hangs_after_its_first_report(config):
    tune.report({"loss": 1.0})
    while True:
        time.sleep(60)


def runs_out_of_memory(config):
    tune.report({"loss": 1.0})
    raise MemoryError("no room for another 9 GiB")


def runs_out_of_gpu_memory(config):
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")


def reports_nan(config):
    tune.report({"loss": 1.0})
    tune.report({"loss": float("nan")})


def never_reports(config):
    pass


def reports_another_metric(config):
    tune.report({"val_loss": 1.0})


class WithoutReset(tune.Trainable):
    """A class as most people write it: no reset_config."""

    def setup(self, config):
        self.x = config["x"]
        self.total = 0.0

    def step(self):
        self.total += self.x
        return {"loss": abs(self.total), "total": self.total, "process": float(os.getpid())}

    def save_checkpoint(self, checkpoint_dir):
        Path(checkpoint_dir, "total").write_text(repr(self.total))

    def load_checkpoint(self, checkpoint):
        self.total = float(Path(checkpoint, "total").read_text())


class Saves64KiB(WithoutReset):
    """A class whose checkpoints fill a small disk."""

    def save_checkpoint(self, checkpoint_dir):
        super().save_checkpoint(checkpoint_dir)
        Path(checkpoint_dir, "weights").write_bytes(bytes(65_536))


class EndsItself(tune.Trainable):
    """Marks its own last result."""

    def setup(self, config):
        self.count = 0

    def step(self):
        self.count += 1
        return {"loss": 10.0 - self.count, "done": self.count == 4}


class CannotBeReset(EndsItself):
    """Raises when its process is to take another trial."""

    def reset_config(self, new_config):
        raise ValueError("one trial is enough")


class HangsInSetup(WithoutReset):
    """Never gets as far as its first step."""

    def setup(self, config):
        time.sleep(1000)


class HangsInItsThirdStep(WithoutReset):
    """Its third step never ends, unless it goes on from a checkpoint."""

    def setup(self, config):
        super().setup(config)
        self.steps, self.is_first_run = 0, True

    def step(self):
        self.steps += 1
        while self.is_first_run and self.steps == 3:
            time.sleep(60)
        return super().step()

    def load_checkpoint(self, checkpoint):
        super().load_checkpoint(checkpoint)
        self.is_first_run = False


class Weights(tune.Trainable):
    """Weights that tell where they came from: each report carries the hash of the weights before its step.

    Only a parameter below 0.5 improves the score, so that members differ and losers exploit.
    """

    def setup(self, config):
        self.lr = config["lr"]
        self.weights = [0.0]

    def step(self):
        began = digest(self.weights)
        self.weights = [*self.weights[-7:], self.weights[-1] + (0.5 - abs(self.lr - 0.5))]
        time.sleep(0.02)
        return {
            "score": self.weights[-1],
            "began": began,
            "ended": digest(self.weights),
            "process": float(os.getpid()),
        }

    def save_checkpoint(self, checkpoint_dir):
        Path(checkpoint_dir, "weights.json").write_text(json.dumps(self.weights))

    def load_checkpoint(self, checkpoint):
        self.weights = json.loads(Path(checkpoint, "weights.json").read_text())


class NeverBorn(tune.Trainable):
    """Its setup always fails."""

    def setup(self, config):
        raise ValueError("no data at /nowhere")

    def step(self):
        return {"loss": 1.0}


def reports_what_no_ledger_can_hold(config):
    tune.report({"loss": 1.0, "huge": 10**400, "half \ud800": 1.0, 7: {8: 9.0}, "text": "x", "deep": {"a": {"b": 2.0}}})


def digest(weights):
    """48 bits of a hash as a number that a float holds exactly."""
    return float(int(hashlib.sha256(json.dumps(weights).encode()).hexdigest()[:12], 16))


class SlowWeights(Weights):
    """Weights that leave time to be interrupted between two steps."""

    def step(self):
        time.sleep(0.3)
        return super().step()
