"""A small PyTorch network on scikit-learn's digits: an ordinary training loop that reports and saves."""

import tempfile
from pathlib import Path

import torch
from ray import tune
from sklearn.datasets import load_digits
from torch import nn

SEED = 0
EPOCHS = 10
HELD_OUT = 597


def digits(device):
    """Return training images, training labels, held-out images, held-out labels; pixels from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SEED))
    images = torch.as_tensor(images, dtype=torch.float32)[order].to(device) / 16.0
    labels = torch.as_tensor(labels)[order].to(device)
    return images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT]


def network(width, dropout):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))


def train(config):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, labels, held_out, answers = digits(device)
    model = network(int(config["width"]), config["dropout"]).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["lr"])
    done = 0

    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as directory:
            state = torch.load(Path(directory) / "state.pt", map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        for group in optimizer.param_groups:  # a scheduler may have changed it since
            group["lr"] = config["lr"]
        done = state["epoch"]

    for epoch in range(done + 1, EPOCHS + 1):
        model.train()
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch)).to(device)
        for batch in order.split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()

        model.eval()
        with torch.no_grad():
            scores = model(held_out)
        metrics = {
            "accuracy": (scores.argmax(dim=1) == answers).float().mean().item(),
            "loss": nn.functional.cross_entropy(scores, answers).item(),
        }
        with tempfile.TemporaryDirectory() as directory:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
            torch.save(state, Path(directory) / "state.pt")
            tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(directory))
