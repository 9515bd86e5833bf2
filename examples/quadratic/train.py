"""The smallest trainable there is: a bowl whose bottom is at x = 2, y = -1."""

from ray import tune

STEPS = 5


def loss_at(x: float, y: float, step: int) -> float:
    """Return the height of the bowl; it sinks by a little with every step, as a training loss does."""
    return (x - 2.0) ** 2 + (y + 1.0) ** 2 + 0.5**step


def train(config):
    for step in range(1, STEPS + 1):
        tune.report({"loss": loss_at(config["x"], config["y"], step)})
