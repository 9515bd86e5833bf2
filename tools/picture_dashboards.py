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
SHOWN = {"experiment": EXAMPLES[0], "metric": "accuracy", "parameter": "lr", "__rate_interval": "15s"}


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
            for name in ("fleet", "experiment", "operator"):
                variables = {**SHOWN, "namespace": NAMESPACE if name == "operator" else PLACE}
                print(draw(name, View(prometheus, begin, end, variables), PICTURES))
    finally:
        cluster.kubectl("delete", "namespace", PLACE, "--wait=false")


if __name__ == "__main__":
    try:
        main()
    except StepFailed as error:
        sys.exit(str(error))
