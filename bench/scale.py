"""A thousand experiments at once: how fast the operator makes what they need, and how quiet it is afterwards.

Nodes and pods are KWOK's: ready without running, so the operator finds every driver and reaches none of them. The bare
script makes the same objects with nothing to decide.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes import client, config

from bench import programs
from bench.figures import Figure, Goal
from install import NAMESPACE
from luthier.api import keys
from support.e2e_place import Place, a_place
from support.e2e_wait import until
from support.processes import of_pod, rss_mib
from target import DEV, run

AT_ONCE = 32
FAKE_NODES = 10
IDLE_SECONDS = 60
SETTLE_SECONDS = 240
QUIET_SECONDS = 30
KINDS = ("secrets", "services", "networkpolicies", "pods")
ROOTS = {keys.PLURAL: f"/apis/{keys.API_VERSION}", "networkpolicies": "/apis/networking.k8s.io/v1"}
PODS = 2
"""A driver and a worker; they are what an experiment makes last."""
WROTE = re.compile(
    r'^apiserver_request_total\{.*(?:resource="tuningexperiments",.*verb="(?:POST|PUT|PATCH|DELETE)"'
    r'|resource="(?:pods|secrets|services|networkpolicies)",.*verb="(?:POST|DELETE)").*\} (\S+)$'
)
"""What an operator writes; how pods are doing is written by the nodes."""
Json = dict[str, Any]


def measure(place: Place, experiments: int) -> Iterator[Figure]:
    """Yield what so many experiments cost the operator."""
    run([str(DEV), "fake-nodes", str(FAKE_NODES)], what="making fake nodes")
    place.apply(_claim(), programs.code())
    try:
        before = _rss(place)
        began = time.monotonic()
        asyncio.run(_post(place, [(_path(place, keys.PLURAL), _experiment(n)) for n in range(experiments)]))
        until("all pods are there", lambda: _count(place, "pods") >= experiments * PODS or None, within=300)
        took = time.monotonic() - began
        wanted = sum(_count(place, kind) for kind in KINDS)
        with a_place(place.cluster, "bare") as bare:
            bare.apply(_claim(), programs.code())
            bodies = list(_copies(place, bare, experiments))
            began = time.monotonic()
            asyncio.run(_post(place, bodies))
            bare_took = time.monotonic() - began
        yield Figure(
            f"{experiments:,} experiments, seconds until all children exist",
            took,
            "s",
            "s, a bare script",
            bare_took,
            Goal("<=", 1.25, of_ratio=True),
            f"{wanted / took:.0f} children a second against {wanted / bare_took:.0f}",
        )
        yield from _at_rest(place, experiments, before)
    finally:
        place.kubectl("delete", keys.PLURAL, "--all", "--wait=false")
        until("the experiments' pods are gone", lambda: not _count(place, "pods") or None, within=240)
        run([str(DEV), "fake-nodes", "0"], what="removing fake nodes")


def _at_rest(place: Place, experiments: int, before: float) -> Iterator[Figure]:
    """Wait until nothing is written any more, then look for a minute."""
    what = f"{experiments:,} experiments"
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and _written_in(place, QUIET_SECONDS):
        pass
    cpu = _cpu(place)
    written = _written_in(place, IDLE_SECONDS)
    busy = (_cpu(place) - cpu) / IDLE_SECONDS
    rss = _rss(place)
    yield Figure(f"writes in {IDLE_SECONDS} s with {what} at rest", written, "", goal=Goal("<=", 0))
    yield Figure(f"operator RSS with {what}", rss, "MiB", "MiB, before", before, Goal("<=", 120))
    yield Figure(f"operator CPU at rest with {what}", 100 * busy, "% of a core", goal=Goal("<=", 5))
    began = time.monotonic()
    page = _operator_page(place)
    yield Figure(f"one scrape with {what}", time.monotonic() - began, "s", goal=Goal("<=", 2), note=f"{len(page):,} B")


def _operator(place: Place) -> Json:
    pods = json.loads(place.cluster.kubectl("-n", NAMESPACE, "get", "pods", "--output=json"))["items"]
    return next(pod for pod in pods if pod["status"].get("phase") == "Running")


def _rss(place: Place) -> float:
    return max(rss_mib(process) for process in of_pod(_operator(place)["metadata"]["uid"]))


def _cpu(place: Place) -> float:
    """Return processor seconds that the operator has used."""
    ticks = 0
    for process in of_pod(_operator(place)["metadata"]["uid"]):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _operator_page(place: Place) -> str:
    pod = _operator(place)
    ports = pod["spec"]["containers"][0]["ports"]
    port = next(entry["containerPort"] for entry in ports)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:{port}/proxy/metrics"
    return place.cluster.kubectl("get", "--raw", path)


def _written_in(place: Place, seconds: float) -> float:
    before = _written(place)
    time.sleep(seconds)
    return _written(place) - before


def _written(place: Place) -> float:
    page = place.cluster.kubectl("get", "--raw", "/metrics")
    return sum(float(found[1]) for line in page.splitlines() if (found := WROTE.match(line)))


def _count(place: Place, kind: str) -> int:
    listed = _get(place, f"{_path(place, kind)}?limit=1")
    return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount", 0))


def _get(place: Place, path: str) -> Json:
    found: Json = json.loads(place.cluster.kubectl("get", "--raw", path))
    return found


def _path(place: Place, kind: str) -> str:
    return f"{ROOTS.get(kind, '/api/v1')}/namespaces/{place.name}/{kind}"


def _claim() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "shared"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}},
    }


def _experiment(number: int) -> Json:
    made = programs.search(f"many-{number:04d}", programs.Size(2, 1, 0), workers=1)
    on_a_fake_node = {
        "spec": {
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
        }
    }
    made["spec"] |= {
        "driver": {"template": on_a_fake_node},
        "workers": {"max": 1, "template": on_a_fake_node},
        "storage": {"claimName": "shared"},
    }
    return made


def _copies(place: Place, bare: Place, experiments: int) -> Iterator[tuple[str, Json]]:
    """Yield what one experiment's children are, once for each, without owners."""
    name = "many-0000"
    for kind in KINDS:
        listed = _get(place, f"{_path(place, kind)}?labelSelector={keys.LABEL_EXPERIMENT}%3D{name}")
        for item in listed["items"]:
            for number in range(experiments):
                yield _path(bare, kind), _copy(item, number)


def _copy(item: Json, number: int) -> Json:
    body: Json = {key: value for key, value in item.items() if key not in ("status", "metadata")}
    if "spec" in body:
        dropped = ("nodeName", "clusterIP", "clusterIPs")
        body["spec"] = {key: value for key, value in body["spec"].items() if key not in dropped}
        if body["spec"].get("selector"):
            body["spec"]["clusterIP"] = "None"
    metadata = item["metadata"]
    kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    return body | {"metadata": {"name": f"{metadata['name']}-{number}"[-63:].lstrip("-"), **kept}}


async def _post(place: Place, bodies: list[tuple[str, Json]]) -> None:
    """Create objects, some at once, on connections that are kept."""
    queue = iter(bodies)
    config.load_kube_config(str(place.cluster.kubeconfig))
    server = client.Configuration.get_default_copy()
    tls = ssl.create_default_context(cafile=server.ssl_ca_cert)
    tls.load_cert_chain(server.cert_file, server.key_file)
    connector = aiohttp.TCPConnector(ssl=tls, limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for path, body in queue:
                async with session.post(server.host + path, json=body) as answer:
                    if answer.status >= 300:
                        raise RuntimeError(f"{path}: {answer.status}: {(await answer.text())[:300]}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
