"""What the benchmarks train: next to nothing, so that what is left is what it costs to have it trained."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ray import tune


class Trivial(tune.Trainable):  # type: ignore[misc]
    """One result and done."""

    def setup(self, config: dict[str, Any]) -> None:
        """Keep the only parameter."""
        self.x = config["x"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another trial in the same process."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Return a loss."""
        return {"loss": (self.x - 1) ** 2, "done": True}


class Member(tune.Trainable):  # type: ignore[misc]
    """A member of a population whose checkpoint has as many bytes as it is told."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin with weights of that size."""
        self.config = config
        self.score = 0.0
        self.weights = b"\0" * int(os.environ.get("BENCH_CHECKPOINT_BYTES", "10240"))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take over another member's parameters; the weights come by a checkpoint."""
        self.config = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Return a score that grows with the parameter, so that the same members lose again and again."""
        self.score += self.config["x"]
        return {"score": self.score, "reported": time.time()}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write the weights and the score."""
        Path(checkpoint_dir, "weights").write_bytes(self.weights)
        Path(checkpoint_dir, "score.json").write_text(json.dumps(self.score))

    def load_checkpoint(self, checkpoint: str) -> None:
        """Read them."""
        self.weights = Path(checkpoint, "weights").read_bytes()
        self.score = json.loads(Path(checkpoint, "score.json").read_text())
