"""A small numpy network on scikit-learn's digits, as a Ray Tune Trainable whose members exchange weights.

One iteration is one epoch over 600 images that are shifted at random. Large steps and many shifts help early,
small steps and few shifts late: a constant setting is a compromise, a schedule is not. Population based training
finds the schedule while it trains.
"""

import functools
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the matrices are too small to share out

import numpy as np
from ray import tune
from sklearn.datasets import load_digits

SEED = 0
WIDTH = 64
BATCH = 8
IMAGES_PER_EPOCH = 600
HELD_OUT = 597


@functools.cache
def digits():
    """Return training images, training labels, held-out images, held-out labels; pixels from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = images[order] / 16.0, labels[order]
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]


def shifted(images, rng, chance):
    """Return the batch moved by at most one pixel in each direction; `chance` is that of moving at all."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    down, right = rng.choice([0, 1, 2], size=2, p=[chance / 2, 1 - chance, chance / 2])
    return padded[:, down : down + 8, right : right + 8].reshape(len(images), 64)


class Member(tune.Trainable):
    """64 pixels, 64 hidden units, 10 classes; trained by SGD with momentum on shifted images."""

    def setup(self, config):
        rng = np.random.default_rng(SEED)
        self.epochs = 0
        self.weights = [
            rng.normal(0, np.sqrt(2 / 64), (64, WIDTH)),
            np.zeros(WIDTH),
            rng.normal(0, np.sqrt(2 / WIDTH), (WIDTH, 10)),
            np.zeros(10),
        ]
        self.velocity = [np.zeros_like(w) for w in self.weights]
        self.lr = config["lr"]
        self.momentum = config["momentum"]
        self.shift = config["shift"]

    def reset_config(self, new_config):
        """Begin anew in the same process; where the trial goes on from weights, `load_checkpoint` follows."""
        self.setup(new_config)
        return True

    def step(self):
        self.epochs += 1
        images, labels, _, _ = digits()
        rng = np.random.default_rng([SEED, self.epochs])
        order = rng.permutation(len(labels))[:IMAGES_PER_EPOCH]
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            self.descend(shifted(images[batch], rng, self.shift), labels[batch])
        return self.measure()

    def forward(self, images):
        """Return the hidden layer and the probability of each class."""
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(images @ w1 + b1, 0)
        scores = hidden @ w2 + b2
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    def descend(self, images, labels):
        """Take one step down the gradient of the cross-entropy."""
        hidden, error = self.forward(images)
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self.weights[2].T) * (hidden > 0)
        gradients = [images.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        for weight, velocity, gradient in zip(self.weights, self.velocity, gradients, strict=True):
            velocity *= self.momentum
            velocity -= self.lr * gradient
            weight += velocity

    def measure(self):
        """Return accuracy and mean cross-entropy on the held-out images, which are never shifted."""
        _, _, images, labels = digits()
        _, probability = self.forward(images)
        right = probability[np.arange(len(labels)), labels]
        return {
            "accuracy": float((probability.argmax(axis=1) == labels).mean()),
            "loss": float(-np.log(np.maximum(right, 1e-9)).mean()),
        }

    def save_checkpoint(self, checkpoint_dir):
        np.savez(Path(checkpoint_dir) / "member.npz", *self.weights, *self.velocity, epochs=self.epochs)

    def load_checkpoint(self, checkpoint_dir):
        with np.load(Path(checkpoint_dir) / "member.npz") as saved:
            arrays = [saved[f"arr_{i}"] for i in range(8)]
            self.weights, self.velocity = arrays[:4], arrays[4:]
            self.epochs = int(saved["epochs"])
