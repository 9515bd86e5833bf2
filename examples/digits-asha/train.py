"""A small numpy network on scikit-learn's digits, as a Ray Tune function that saves and resumes.

One iteration is one epoch. A trial with the same parameters always gives the same numbers, also when it was
interrupted: the order of the batches comes from the epoch's number, not from a running generator.
"""

import functools
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the matrices are too small to share out

import numpy as np
from ray import tune
from sklearn.datasets import load_digits

SEED = 0
EPOCHS = 27
BATCH = 32
HELD_OUT = 597


@functools.cache
def digits():
    """Return training images, training labels, held-out images, held-out labels; pixels from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = images[order] / 16.0, labels[order]
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]


class Network:
    """64 pixels, one hidden layer, 10 classes; trained by SGD with momentum."""

    def __init__(self, width):
        rng = np.random.default_rng(SEED)
        self.weights = [
            rng.normal(0, np.sqrt(2 / 64), (64, width)),
            np.zeros(width),
            rng.normal(0, np.sqrt(2 / width), (width, 10)),
            np.zeros(10),
        ]
        self.velocity = [np.zeros_like(w) for w in self.weights]

    def forward(self, images):
        """Return the hidden layer and the probability of each class."""
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(images @ w1 + b1, 0)
        scores = hidden @ w2 + b2
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    def step(self, images, labels, lr, momentum):
        """Take one step down the gradient of the cross-entropy."""
        hidden, error = self.forward(images)
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self.weights[2].T) * (hidden > 0)
        gradients = [images.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        for weight, velocity, gradient in zip(self.weights, self.velocity, gradients, strict=True):
            velocity *= momentum
            velocity -= lr * gradient
            weight += velocity

    def epoch(self, number, lr, momentum):
        """Train on every image once, in an order that depends on the epoch's number alone."""
        images, labels, _, _ = digits()
        order = np.random.default_rng([SEED, number]).permutation(len(labels))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            self.step(images[batch], labels[batch], lr, momentum)

    def measure(self):
        """Return accuracy and mean cross-entropy on the held-out images."""
        _, _, images, labels = digits()
        _, probability = self.forward(images)
        right = probability[np.arange(len(labels)), labels]
        return {
            "accuracy": float((probability.argmax(axis=1) == labels).mean()),
            "loss": float(-np.log(np.maximum(right, 1e-9)).mean()),
        }

    def save(self, file, epoch):
        np.savez(file, *self.weights, *self.velocity, epoch=epoch)

    def load(self, file):
        """Take over what `save` wrote and return its epoch."""
        with np.load(file) as saved:
            arrays = [saved[f"arr_{i}"] for i in range(8)]
            self.weights, self.velocity = arrays[:4], arrays[4:]
            return int(saved["epoch"])


def train(config):
    network, done = Network(int(config["width"])), 0
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            done = network.load(Path(directory) / "network.npz")
    for epoch in range(done + 1, EPOCHS + 1):
        network.epoch(epoch, config["lr"], config["momentum"])
        with tempfile.TemporaryDirectory() as directory:
            network.save(Path(directory) / "network.npz", epoch)
            tune.report(network.measure(), checkpoint=tune.Checkpoint.from_directory(directory))
