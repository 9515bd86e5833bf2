"""A Prometheus on the loopback, with a folder of its own, that ends with its context."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from install import NAMESPACE, Installed
from scraping.discovery import discovering
from scraping.monitors import Json, Monitor
from target import DEV, StepFailed, run

READY_SECONDS = 30
PAUSE_SECONDS = 0.2
SWITCHES = ("serviceMonitor", "podMonitor", "prometheusRule")


def programs() -> Path:
    """Return the folder with prometheus and promtool, fetched once by the development cluster's command."""
    return Path(run([str(DEV), "prometheus"], what="fetching Debian's Prometheus").strip())


@contextmanager
def prometheus_of_chart(cluster: Installed, folder: Path, *values: str) -> Iterator[str]:
    """Run a Prometheus by the chart's monitors and rules, with these values (`name=value`); yield its address."""
    chart = _rendered(cluster, values)
    monitors = [Monitor(chart["ServiceMonitor"]), Monitor(chart["PodMonitor"])]
    scrapes = [monitor.scrape(f"{monitor.job}.json") for monitor in monitors]
    groups = chart["PrometheusRule"]["spec"]["groups"]
    with discovering(cluster.kubeconfig, monitors, folder), a_prometheus(folder, scrapes, groups) as address:
        yield address


@contextmanager
def a_prometheus(folder: Path, scrapes: Sequence[Json], groups: Sequence[Json] = ()) -> Iterator[str]:
    """Run a Prometheus with scrape configurations and groups of rules that looks every second; yield its address.

    Raises:
        StepFailed: it ended, or did not answer in time; the message has its log.
    """
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    _write(folder / "rules.yaml", {"groups": list(groups)})
    _write(folder / "prometheus.yaml", {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": list(scrapes)})
    port = _free_port()
    command = [
        str(programs() / "prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = folder / "log"
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not _is_ready(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise StepFailed(f"Prometheus does not answer; its log:\n{log.read_text()}")
                time.sleep(PAUSE_SECONDS)
            yield address
        finally:
            process.terminate()


def _rendered(cluster: Installed, values: Sequence[str]) -> dict[str, Json]:
    """Return the installed release's objects by kind, the last of each."""
    switched = [f"monitoring.{name}.enabled=true" for name in SWITCHES]
    sets = [part for value in (*switched, *values) for part in ("--set", value)]
    command = [str(cluster.tools / "helm"), "template", "luthier", "helm/luthier", "--namespace", NAMESPACE, *sets]
    text = run(command, what="rendering the chart")
    return {each["kind"]: each for each in YAML(typ="safe").load_all(text) if each}


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _write(file: Path, content: Json) -> None:
    with file.open("w") as out:
        YAML().dump(content, out)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
