"""A trainable in a file of its own: it says what it was given, twice as much the second time."""

import json
from pathlib import Path

from ray import tune


class Teller(tune.Trainable):
    """Saves what it was given."""

    def setup(self, config):
        self.x = config["x"]

    def step(self):
        return {"score": self.x * (self.iteration + 1), "done": self.iteration == 1}

    def save_checkpoint(self, directory):
        Path(directory, "x.json").write_text(json.dumps(self.x))

    def load_checkpoint(self, directory):
        self.x = json.loads(Path(directory, "x.json").read_text())
