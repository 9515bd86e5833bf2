"""Take the documents' pictures of the dashboards: on the installed cluster, two examples run under a Prometheus.

    python tools/picture_dashboards.py

The examples get the series of single trials, which the manifests in `examples/` leave out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML

from draw_dashboards import PICTURES, View, draw
from install import NAMESPACE, Installed, step
from luthier.api import keys
from scraping.process import prometheus_of_chart
from scraping.server import Prometheus
from target import ROOT, Embedded, StepFailed

PLACE = "pictures"
EXAMPLES = ("digits-pbt", "digits-asha")
PAUSE_SECONDS = 0.5
SETTLING_SECONDS = 3
"""Within these the last news has been scraped."""
SHOWN = {"metric": "accuracy", "parameter": "lr", "__rate_interval": "15s"}
PICTURED = (
    ("fleet", "fleet", "", ("Now", "Cost and waste", "Queue and workers")),
    ("population", "experiment", "digits-pbt", ("At a glance", "Objective", "Population", "Hyperparameters")),
    ("rungs", "experiment", "digits-asha", ("At a glance", "Objective", "Rungs")),
    ("operator", "operator", "", ()),
)
"""Pictures: name, dashboard, experiment, rows (all where none is named)."""


def apply_with_all_series(cluster: Installed, example: str) -> None:
    """Apply an example with `spec.driver.metrics: Full`."""
    objects = list(YAML(typ="safe").load_all(cluster.kubectl("kustomize", str(ROOT / "examples" / example))))
    for each in objects:
        if each["kind"] == keys.KIND:
            each["spec"]["driver"] = {**each["spec"].get("driver", {}), "metrics": "Full"}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "example.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        cluster.kubectl("--namespace", PLACE, "apply", "--filename", str(file))


def main() -> None:
    """Run the examples and draw."""
    target = Embedded()
    cluster = Installed(target.start(), target.tools(), target)
    cluster.kubectl("create", "namespace", PLACE)
    try:
        with TemporaryDirectory() as folder, prometheus_of_chart(cluster, Path(folder)) as address:
            prometheus = Prometheus(address)
            while not prometheus.newest("luthier_operator_leader == 1", time.time()):
                time.sleep(PAUSE_SECONDS)
            begin = time.time()
            with step("examples"):
                for example in EXAMPLES:
                    apply_with_all_series(cluster, example)
                names = [f"tx/{example}" for example in EXAMPLES]
                cluster.kubectl("--namespace", PLACE, "wait", *names, "--for=condition=Succeeded", "--timeout=300s")
            time.sleep(SETTLING_SECONDS)
            end = time.time()
            began = prometheus.series(f'luthier_driver_attempt{{namespace="{PLACE}"}}', begin, end)
            begin = min(float(series["values"][0][0]) for series in began)
            for picture, board, example, rows in PICTURED:
                namespace = NAMESPACE if board == "operator" else PLACE
                view = View(prometheus, begin, end, {**SHOWN, "namespace": namespace, "experiment": example})
                print(draw(board, view, PICTURES / f"dashboard-{picture}.png", rows))
    finally:
        cluster.kubectl("delete", "namespace", PLACE, "--wait=false")


if __name__ == "__main__":
    try:
        main()
    except StepFailed as error:
        sys.exit(str(error))
