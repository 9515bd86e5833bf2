"""Any program can be a trial: this one knows neither Ray nor Luthier, and needs nothing but Python.

It takes `lr` as an argument, `decay` from its environment and `warmup` from the JSON file of all parameters
(use whichever suits you), and prints one line a step. A line is one result: `name=value` or a JSON object.
"""

import argparse
import json
import math
import os

STEPS = 10


def losses(lr, decay, warmup):
    """Yield the loss after each step of a gradient descent on w**2 / 2 from w = 1."""
    weight = 1.0
    for step in range(STEPS):
        rate = lr * min(1.0, (step + 1) / (warmup + 1)) * decay**step
        weight = max(-1e6, min(1e6, weight - rate * weight))
        yield weight**2 / 2


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--lr", type=float, required=True)
    lr = arguments.parse_args().lr
    decay = float(os.environ["LUTHIER_PARAM_decay"])  # noqa: SIM112 (the parameter is called `decay`)
    with open(os.environ["LUTHIER_PARAMETERS_FILE"]) as file:
        warmup = json.load(file)["warmup"]

    print(f"trial {os.environ.get('LUTHIER_TRIAL', '?')} starts")  # not a result: only a message in the log
    for step, loss in enumerate(losses(lr, decay, warmup), start=1):
        if step < STEPS:
            print(f"loss={loss:.6g}", flush=True)
        else:
            print(json.dumps({"loss": loss, "log_loss": math.log10(loss + 1e-12)}), flush=True)


if __name__ == "__main__":
    main()
