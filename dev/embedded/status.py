"""One readable page about a cluster: what runs, what it holds, how to reach it."""

from __future__ import annotations

import http.client

from embedded import images, node, processes, scale
from embedded.api import Api, ApiError, Object
from embedded.builds import link_directory
from embedded.places import Layout
from embedded.processes import Process


def page(layout: Layout) -> str:
    """Return the page; whatever can't be seen says so instead of failing."""
    sections = [_processes(layout)]
    if layout.admin_kubeconfig.exists():
        sections += [f"kubeconfig  {layout.admin_kubeconfig}", f"kubectl     {link_directory() / 'kubectl'}"]
        try:
            sections += _objects(Api(layout))
        except (OSError, ApiError, http.client.HTTPException) as error:
            sections.append(f"API server  does not answer: {error}")
    return "\n".join([f"state       {layout.root}", *sections, *_images(layout)])


def _processes(layout: Layout) -> str:
    found = processes.all_recorded(layout)
    if not found:
        return "processes   none"
    return "\n".join(["processes", *(_process_line(process) for process in found)])


def _process_line(process: Process) -> str:
    state = f"{process.memory_mebibytes()} MiB" if process.alive() else "DEAD"
    return f"  {process.name:<24} pid {process.pid:<8} {state}"


def _objects(api: Api) -> list[str]:
    nodes = api.get("/api/v1/nodes")["items"]
    pods = api.get("/api/v1/pods")["items"]
    real = [item for item in nodes if item["metadata"]["name"] == node.NAME]
    fakes = [item for item in nodes if scale.ANNOTATION in item["metadata"].get("annotations", {})]
    lines = [_node_line(item) for item in real]
    lines.append(f"fake nodes  {len(fakes)}, with {sum(_gpus(item) for item in fakes)} GPUs")
    lines.append(f"pods        {len(pods)}")
    lines += [_pod_line(item) for item in pods if item["spec"].get("nodeName") in (None, node.NAME)]
    return lines


def _node_line(item: Object) -> str:
    ready = any(
        entry["type"] == "Ready" and entry["status"] == "True" for entry in item["status"].get("conditions", [])
    )
    info = item["status"]["nodeInfo"]
    state = "Ready" if ready else "NotReady"
    return f"node        {item['metadata']['name']} {state}, {info['kubeletVersion']}, GPUs: {_gpus(item)}"


def _gpus(item: Object) -> int:
    return int(item["status"].get("allocatable", {}).get(scale.GPU, 0))


def _pod_line(item: Object) -> str:
    metadata, status = item["metadata"], item["status"]
    return f"  {metadata['namespace']}/{metadata['name']:<40} {status['phase']:<10} {status.get('podIP', '')}"


def _images(layout: Layout) -> list[str]:
    names = [name for name in images.node_images(layout) if not name.startswith("sha256:") and "@" not in name]
    return ["images on the node", *(f"  {name}" for name in names)] if names else []
