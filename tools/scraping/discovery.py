"""Finds the targets of monitors, and writes them into the files that a Prometheus watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from scraping.monitors import Json, Monitor

LOOK_SECONDS = 1.0


@contextmanager
def discovering(kubeconfig: Path, monitors: Sequence[Monitor], folder: Path) -> Iterator[None]:
    """Keep a file of targets for each monitor, by its job's name, while the context is open."""
    api = config.new_client_from_config(str(kubeconfig))
    ends = threading.Event()

    def look() -> None:
        while True:
            with suppress(ApiException, HTTPError):  # an API server that is away for a moment is asked again
                for monitor in monitors:
                    _write(folder / f"{monitor.job}.json", monitor.targets(_found(api, monitor)))
            if ends.wait(LOOK_SECONDS):
                return

    for monitor in monitors:
        _write(folder / f"{monitor.job}.json", [])
    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield
    finally:
        ends.set()
        looker.join()
        api.close()


def _found(api: Any, monitor: Monitor) -> list[Json]:
    """Return what a monitor selects: pods, or EndpointSlices, which carry their service's labels."""
    pods, slices = client.CoreV1Api(api), client.DiscoveryV1Api(api)
    everywhere, within = (
        (pods.list_pod_for_all_namespaces, pods.list_namespaced_pod)
        if monitor.is_of_pods
        else (slices.list_endpoint_slice_for_all_namespaces, slices.list_namespaced_endpoint_slice)
    )
    if monitor.namespaces is None:
        lists = [everywhere(label_selector=monitor.selector)]
    else:
        lists = [within(name, label_selector=monitor.selector) for name in monitor.namespaces]
    return [item for each in lists for item in api.sanitize_for_serialization(each)["items"]]


def _write(file: Path, targets: list[Json]) -> None:
    """Replace a file as a whole: Prometheus may read it at any moment."""
    text = json.dumps(targets)
    if file.exists() and file.read_text() == text:
        return
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.rename(file)
