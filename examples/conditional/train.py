"""Softmax regression on scikit-learn's digits by SGD or Adam; `momentum` is there only when SGD is."""

import functools
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the matrices are too small to share out

import numpy as np
from ray import tune
from sklearn.datasets import load_digits

SEED = 0
EPOCHS = 8
BATCH = 32
HELD_OUT = 597


@functools.cache
def digits():
    """Return training images, training labels, held-out images, held-out labels; a last column of ones is the bias."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    images, labels = np.hstack([images / 16.0, np.ones((len(labels), 1))])[order], labels[order]
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]


def sgd(config):
    """Return the update rule of SGD with momentum."""
    velocity = np.zeros((65, 10))

    def update(gradient):
        nonlocal velocity
        velocity = config["momentum"] * velocity - config["lr"] * gradient
        return velocity

    return update


def adam(config):
    """Return the update rule of Adam."""
    mean, square, steps = np.zeros((65, 10)), np.zeros((65, 10)), 0

    def update(gradient):
        nonlocal mean, square, steps
        steps += 1
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        return -config["lr"] * (mean / (1 - 0.9**steps)) / (np.sqrt(square / (1 - 0.999**steps)) + 1e-8)

    return update


def probabilities(images, weights):
    scores = images @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def accuracies(config):
    """Yield the held-out accuracy after each epoch."""
    images, labels, held_out, answers = digits()
    weights = np.zeros((65, 10))
    update = {"sgd": sgd, "adam": adam}[config["optimizer"]](config)
    rng = np.random.default_rng(SEED)
    for _ in range(EPOCHS):
        order = rng.permutation(len(labels))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            error = probabilities(images[batch], weights)
            error[np.arange(len(batch)), labels[batch]] -= 1
            weights = weights + update(images[batch].T @ error / len(batch))
        yield float((probabilities(held_out, weights).argmax(axis=1) == answers).mean())


def train(config):
    for accuracy in accuracies(config):
        tune.report({"accuracy": accuracy})
