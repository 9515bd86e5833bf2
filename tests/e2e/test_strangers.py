"""What a pod of somebody else can learn from an experiment's pods, or do to them: nothing.

The embedded cluster enforces no NetworkPolicy, so this is what certificates, tokens and loopback addresses do by
themselves.
"""

from __future__ import annotations

import json
from pathlib import Path

from install import Installed
from luthier.api import keys
from support import port_probe
from support.e2e_manifests import steady
from support.e2e_place import Json, Place, a_place, a_restricted_pod
from target import TRIAL

PROBE_SECONDS = 120
LONG = {"trials": 1, "parallelTrials": 1, "iterationsPerTrial": 100000}
OPEN_TO_ALL = {(keys.PORT_PROGRESS, "GET /healthz"), (keys.PORT_PROGRESS, "GET /metrics")}
"""Read by kubelet and Prometheus, which have no token; a NetworkPolicy says who else."""


def test_a_stranger_in_another_namespace_hears_nothing_without_the_token(place: Place, installed: Installed) -> None:
    place.apply(steady("together", budget=LONG, workers={"max": 1}))
    place.apply(steady("alone", budget=LONG))
    for name in ("together", "alone"):
        place.wait_for(name, "Running")
    place.wait_for_iterations("together", 1)
    (worker,) = place.pods(keys.ROLE_WORKER)
    drivers = {pod["metadata"]["labels"][keys.LABEL_EXPERIMENT]: pod for pod in place.pods(keys.ROLE_DRIVER)}

    with a_place(installed, "stranger") as elsewhere:
        heard = probe_from(elsewhere, drivers["together"], worker, drivers["alone"])

    refused = {address: {int(port): count for port, count in by.items()} for address, by in heard["refused"].items()}
    print(json.dumps(refused))  # noqa: T201  # the figures are asked for
    assert set(refused[ip(drivers["alone"])]) == {keys.PORT_PROGRESS}, "Ray of a single pod listens on loopback only"
    assert {keys.PORT_RAY, keys.PORT_PROGRESS} < set(refused[ip(drivers["together"])])
    for pod in (drivers["together"], worker):
        of_ray = {port: count for port, count in refused[ip(pod)].items() if port != keys.PORT_PROGRESS}
        by_certificate = set(heard["closed"][ip(pod)])
        assert len(by_certificate) >= 3, "each process of Ray has a port of its own"
        by_token = [count for port, count in of_ray.items() if port not in by_certificate]
        assert all(count >= 2 * len(port_probe.PATHS) for count in by_token), "what speaks HTTP said no each time"
        assert all(not of_ray[port] for port in by_certificate), "the others say nothing at all"
    assert [said for said in heard["answered"] if not is_harmless(said)] == []

    place.wait_for_iterations("together", 3)
    for name in ("together", "alone"):
        status = place.status(name)
        assert (status["state"], status["attempt"], status.get("restarts", 0)) == ("Running", 1, 0)


def probe_from(place: Place, *pods: Json) -> Json:
    """Scan and ask the pods from a pod of this place."""
    source = Path(port_probe.__file__).read_text()
    command = ["python", "-c", source, *(ip(pod) for pod in pods)]
    place.apply(a_restricted_pod("stranger", place.cluster.target.reference(TRIAL), command))
    place.kubectl("wait", "pod/stranger", "--for=jsonpath={.status.phase}=Succeeded", f"--timeout={PROBE_SECONDS}s")
    heard: Json = json.loads(place.kubectl("logs", "stranger"))
    assert heard["methods"] > 100
    return heard


def is_harmless(said: Json) -> bool:
    """Tell whether an answer gives nothing away: that something is alive."""
    return (said["port"], said["asked"]) in OPEN_TO_ALL and said["answer"] == "200"


def ip(pod: Json) -> str:
    """Return a pod's address."""
    return str(pod["status"]["podIP"])
