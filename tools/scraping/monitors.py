"""What the Prometheus operator makes of the chart's monitors, as far as they go. Pure.

Debian's Prometheus is built without Kubernetes' service discovery, so targets are found by `discovery` and read by
Prometheus from files; selectors, ports, paths and labels are the monitors' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
ENDED = ("Failed", "Succeeded")


@dataclass(frozen=True)
class Monitor:
    """A ServiceMonitor or a PodMonitor with one endpoint."""

    body: Json

    @property
    def is_of_pods(self) -> bool:
        """Whether pods are selected, and not services."""
        return bool(self.body["kind"] == "PodMonitor")

    @property
    def job(self) -> str:
        """Return the name of its job."""
        return f"{self.body['metadata']['namespace']}-{self.body['metadata']['name']}"

    @property
    def endpoint(self) -> Json:
        """Return its one endpoint."""
        (found,) = self.body["spec"]["podMetricsEndpoints" if self.is_of_pods else "endpoints"]
        endpoint: Json = found
        return endpoint

    @property
    def namespaces(self) -> list[str] | None:
        """Return the namespaces that it looks into; None for all of them."""
        selector = self.body["spec"].get("namespaceSelector", {})
        if selector.get("any"):
            return None
        names: list[str] = selector.get("matchNames", [self.body["metadata"]["namespace"]])
        return names

    @property
    def selector(self) -> str:
        """Return its selector as the API server takes it."""
        selector = self.body["spec"]["selector"]
        equal = [f"{name}={value}" for name, value in selector.get("matchLabels", {}).items()]
        present = [each["key"] for each in selector.get("matchExpressions", []) if each["operator"] == "Exists"]
        return ",".join([*equal, *present])

    def scrape(self, file: str) -> Json:
        """Return Prometheus' configuration for it; a file names the targets."""
        return {
            "job_name": self.job,
            "honor_labels": self.endpoint.get("honorLabels", False),
            "metrics_path": self.endpoint["path"],
            "file_sd_configs": [{"files": [file]}],
        }

    def targets(self, found: list[Json]) -> list[Json]:
        """Return the targets among pods, or among EndpointSlices, as Prometheus reads them in a file."""
        looked_at = self._of_pods(found) if self.is_of_pods else self._of_slices(found)
        return [
            {"targets": [f"{ip}:{port}"], "labels": {"namespace": namespace, "pod": pod}}
            for ip, port, namespace, pod in looked_at
        ]

    def _of_pods(self, pods: list[Json]) -> Iterator[tuple[str, int, str, str]]:
        for pod in pods:
            if pod["status"].get("podIP") and pod["status"]["phase"] not in ENDED:
                ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
                for port in ports:
                    if port.get("name") == self.endpoint["port"]:
                        place = pod["metadata"]
                        yield pod["status"]["podIP"], port["containerPort"], place["namespace"], place["name"]

    def _of_slices(self, slices: list[Json]) -> Iterator[tuple[str, int, str, str]]:
        for each in slices:
            numbers = [port["port"] for port in each.get("ports") or [] if port.get("name") == self.endpoint["port"]]
            for endpoint in each.get("endpoints") or []:
                for number in numbers:
                    yield endpoint["addresses"][0], number, each["metadata"]["namespace"], endpoint["targetRef"]["name"]
